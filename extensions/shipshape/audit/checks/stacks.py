"""CloudFormation templates: containers, networks and data on AWS.

https://docs.aws.amazon.com/securityhub/latest/userguide/standards-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..lines import Map, dig, mapping, sequence
from ..model import Repository, Resource
from ..words import literal, moving, names_secret
from .registry import Judged, each, fault

OPEN = {"0.0.0.0/0", "::/0"}
DATA = {
    "AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DynamoDB::Table", "AWS::EFS::FileSystem",
    "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster", "AWS::OpenSearchService::Domain",
}  # fmt: skip


def of(*kinds: str) -> Callable[[Repository], Iterator[Resource]]:
    """The resources of these kinds."""
    return lambda repository: (one for one in repository.resources if one.kind in kinds)


def name_of(container: Map) -> str:
    """A container's name, if it is written out."""
    name = container.get("Name")
    return name if isinstance(name, str) else "a container"


def containers(resource: Resource) -> Iterator[Map]:
    """Of a task definition, without those that a condition may leave out."""
    return (one for one in sequence(resource.properties.get("ContainerDefinitions")) if isinstance(one, Map))


tasks = each(of("AWS::ECS::TaskDefinition"))
services = each(of("AWS::ECS::Service"))


@tasks("cfn-task-user")
def task_user(resource: Resource) -> Judged:
    """A container is not root."""
    for one in containers(resource):
        user = one.get("User")
        broken = user is None or str(user).split(":")[0] in {"0", "root"}
        yield one.at("User"), fault(broken, f"{name_of(one)} may be root")


@tasks("cfn-task-read-only")
def task_read_only(resource: Resource) -> Judged:
    """Its file system can't be changed."""
    for one in containers(resource):
        yield (
            one.at("ReadonlyRootFilesystem"),
            fault(one.get("ReadonlyRootFilesystem") not in (True, "true"), f"{name_of(one)} can write anywhere"),
        )


@tasks("cfn-task-privileged")
def task_privileged(resource: Resource) -> Judged:
    """It is not as mighty as the host."""
    for one in containers(resource):
        yield one.at("Privileged"), fault(one.get("Privileged") in (True, "true"), "privileged")


@tasks("cfn-task-secret")
def task_secret(resource: Resource) -> Judged:
    """A secret comes from Secrets Manager or the Parameter Store."""
    for container in containers(resource):
        for one in sequence(container.get("Environment")):
            if isinstance(one, Map) and names_secret(str(one.get("Name"))):
                value = one.get("Value")
                broken = not isinstance(value, Map) and literal(value)
                yield one.at("Value"), fault(broken, f"{one['Name']} has its value here")


@tasks("cfn-task-latest")
def task_latest(resource: Resource) -> Judged:
    """The image has a tag other than `latest`."""
    for one in containers(resource):
        image = one.get("Image")
        if isinstance(image, str) and image:
            yield one.at("Image"), fault(moving(image), f"{image} is another image tomorrow")


@tasks("cfn-task-log")
def task_log(resource: Resource) -> Judged:
    """What it says is kept."""
    for one in containers(resource):
        yield (
            one.at("LogConfiguration"),
            fault("LogConfiguration" not in one, f"nobody keeps what {name_of(one)} logs"),
        )


@services("cfn-circuit-breaker")
def circuit_breaker(resource: Resource) -> Judged:
    """A deployment that fails is rolled back."""
    controller = dig(resource.properties, "DeploymentController", "Type")
    if controller in (None, "ECS") and resource.properties.get("SchedulingStrategy") != "DAEMON":
        breaker = mapping(dig(resource.properties, "DeploymentConfiguration", "DeploymentCircuitBreaker"))
        on = {str(breaker.get("Enable")).lower(), str(breaker.get("Rollback")).lower()}
        yield (
            resource.at("DeploymentConfiguration"),
            fault("true" not in on or "false" in on or "none" in on, "a bad deployment goes on for hours"),
        )


@services("cfn-public-address")
def public_address(resource: Resource) -> Judged:
    """A task is reached through the load balancer alone."""
    public = dig(resource.properties, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp")
    yield resource.at("NetworkConfiguration"), fault(public == "ENABLED", "each task has a public address")


@each(of("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"))("cfn-open-port")
def open_port(resource: Resource) -> Judged:
    """Nothing but the web's ports is open to everybody."""
    single = resource.kind.endswith("Ingress")
    rules = [resource.properties] if single else sequence(resource.properties.get("SecurityGroupIngress"))
    for rule in rules:
        if isinstance(rule, Map) and {str(rule.get("CidrIp")), str(rule.get("CidrIpv6"))} & OPEN:
            if str(rule.get("IpProtocol")).startswith("icmp"):
                continue
            ports = {str(rule.get("FromPort", "all")), str(rule.get("ToPort", "all"))}
            literal_ports = not any(isinstance(rule.get(key), Map) for key in ("FromPort", "ToPort"))
            yield (
                rule.at("CidrIp"),
                fault(
                    literal_ports and not ports <= {"80", "443"},
                    f"ports {'-'.join(sorted(ports))} are open to everybody",
                ),
            )


listeners = each(of("AWS::ElasticLoadBalancingV2::Listener"))


@listeners("cfn-http")
def http(resource: Resource) -> Judged:
    """Plain HTTP leads to HTTPS, and nowhere else; within a network of one's own it may be."""
    balancer = dig(resource.properties, "LoadBalancerArn", "Ref")
    internal = dig(resource.template, "Resources", str(balancer), "Properties", "Scheme") == "internal"
    if resource.properties.get("Protocol") == "HTTP" and not internal:
        actions = sequence(resource.properties.get("DefaultActions"))
        broken = not all(dig(one, "Type") in ("redirect", "fixed-response") for one in actions)
        yield resource.at("Protocol"), fault(broken, "serves plain HTTP")


@listeners("cfn-tls")
def tls(resource: Resource) -> Judged:
    """HTTPS takes TLS 1.2 or later."""
    if resource.properties.get("Protocol") in ("HTTPS", "TLS"):
        policy = resource.properties.get("SslPolicy")
        old = policy is None or (
            isinstance(policy, str) and not any(word in policy for word in ("TLS13", "TLS-1-2", "FS-1-2"))
        )
        yield resource.at("SslPolicy"), fault(old, f"{policy or 'the default policy'} takes TLS 1.0")


@each(of("AWS::Logs::LogGroup"))("cfn-log-retention")
def log_retention(resource: Resource) -> Judged:
    """Logs are deleted one day."""
    yield resource.line, fault("RetentionInDays" not in resource.properties, "keeps logs for ever")


repositories = each(of("AWS::ECR::Repository"))


@repositories("cfn-ecr-immutable")
def ecr_immutable(resource: Resource) -> Judged:
    """A tag stays what it is."""
    value = str(resource.properties.get("ImageTagMutability"))
    yield resource.at("ImageTagMutability"), fault(not value.startswith("IMMUTABLE"), "a tag may be moved")


@repositories("cfn-ecr-scan")
def ecr_scan(resource: Resource) -> Judged:
    """What is pushed is scanned."""
    on = dig(resource.properties, "ImageScanningConfiguration", "ScanOnPush")
    yield resource.at("ImageScanningConfiguration"), fault(on not in (True, "true"), "pushes are not scanned")


databases = each(of("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"))


@databases("cfn-database-encrypted")
def database_encrypted(resource: Resource) -> Judged:
    """A database's disk is encrypted; an instance of a cluster follows it."""
    if (
        not {"DBClusterIdentifier", "SnapshotIdentifier", "DBSnapshotIdentifier", "SourceDBInstanceIdentifier"}
        & resource.properties.keys()
    ):
        yield (
            resource.at("StorageEncrypted"),
            fault(resource.properties.get("StorageEncrypted") in (None, False, "false"), "is not encrypted"),
        )


@databases("cfn-database-public")
def database_public(resource: Resource) -> Judged:
    """A database has no public address."""
    yield (
        resource.at("PubliclyAccessible"),
        fault(resource.properties.get("PubliclyAccessible") in (True, "true"), "has a public address"),
    )


@databases("cfn-database-password")
def database_password(resource: Resource) -> Judged:
    """A password does not stand in the template."""
    value = resource.properties.get("MasterUserPassword")
    if value is not None:
        yield (
            resource.at("MasterUserPassword"),
            fault(isinstance(value, str) and literal(value), "the password stands here"),
        )


@each(of(*sorted(DATA)))("cfn-keep-data")
def keep_data(resource: Resource) -> Judged:
    """Who deletes the stack does not delete the data."""
    policy: Any = resource.data.get("DeletionPolicy")
    member = "DBClusterIdentifier" in resource.properties
    # AWS keeps a snapshot of a cluster, and of an instance of its own, where nothing is said
    keeps = resource.kind.startswith("AWS::RDS::") and policy is None
    if not member:
        yield (
            resource.data.at("DeletionPolicy") if policy else resource.line,
            fault(not keeps and policy in (None, "Delete"), "goes with the stack"),
        )
