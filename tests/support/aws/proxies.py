"""An RDS Proxy and its target, as CloudFormation makes them: moto's API has both, its CloudFormation neither."""

from typing import Any

from tests.support.aws.resources import ask

Properties = dict[str, Any]


def proxy(made: Properties, before: Any) -> tuple[str, dict[str, str]]:
    """Its address stays as long as its name."""
    if before:
        return before.physical_resource_id, before.attributes
    return made["DBProxyName"], {"Endpoint": ask("rds", "create_db_proxy", made, {})["DBProxy"]["Endpoint"]}


def target(made: Properties, before: Any) -> tuple[str, dict[str, str]]:
    """A database that must be there. RDS then waits until the proxy reaches it; nothing here has a network."""
    group = {name: made[name] for name in ("DBProxyName", "TargetGroupName")}
    pool = {"ConnectionPoolConfig": made["ConnectionPoolConfigurationInfo"]}
    ask("rds", "modify_db_proxy_target_group", group | pool, {})
    databases = {name: made[name] for name in ("DBInstanceIdentifiers", "DBClusterIdentifiers") if name in made}
    if not before:
        for name in databases.get("DBInstanceIdentifiers", []):
            ask("rds", "describe_db_instances", {"DBInstanceIdentifier": name}, {})
        ask("rds", "register_db_proxy_targets", group | databases, {})
    return f"{made['DBProxyName']}/{made['TargetGroupName']}", {}


KINDS = {"AWS::RDS::DBProxy": proxy, "AWS::RDS::DBProxyTargetGroup": target}
