"""CoreDNS in pods of kube-system, as in a user's cluster: only there do the policies' rules for DNS count."""

import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import engine
from tests.support.cluster import CLUSTER, get, kubeconfig, kubectl

NAME, SPACE = "coredns", "kube-system"
IMAGE = "shipshape-test/coredns:1"
LABELS = {"k8s-app": "kube-dns"}
COREFILE = ".:53 {\n  errors\n  cache 5\n  kubernetes cluster.local in-addr.arpa\n}\n"
READS = [
    {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]


def serve_from_pods() -> None:
    """Move the Service kube-dns from CoreDNS on the node, where the cluster has it, to a pod; once for a cluster."""
    service = get(SPACE, "service", "kube-dns")
    if service["spec"].get("selector") == LABELS:
        return
    load_image(kubeconfig().parent / "bin/dns")
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests()})
    kubectl("apply", "--filename=-", stdin=objects)
    kubectl("--namespace", SPACE, "rollout", "status", f"deployment/{NAME}", "--timeout=60s")
    ports = [port | {"targetPort": 53} for port in service["spec"]["ports"]]
    patch = json.dumps({"spec": {"selector": LABELS, "ports": ports}})
    kubectl("--namespace", SPACE, "patch", "service", "kube-dns", "--type=merge", f"--patch={patch}")
    kubectl("--namespace", SPACE, "delete", "endpointslice", "kube-dns")


def load_image(binary: Path) -> None:
    with TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copy(binary, context / "dns")
        (context / "Corefile").write_text(COREFILE)
        (context / "Dockerfile").write_text(
            'FROM scratch\nCOPY dns Corefile /\nENTRYPOINT ["/dns", "-conf", "/Corefile"]\n'
        )
        engine.docker("build", "--quiet", f"--tag={IMAGE}", str(context))
    subprocess.run([CLUSTER, "load", IMAGE], check=True, capture_output=True, text=True)


def manifests() -> list[dict[str, object]]:
    metadata = {"name": NAME, "namespace": SPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": SPACE}
    probe = {"tcpSocket": {"port": 53}, "periodSeconds": 1}
    container = {"name": NAME, "image": IMAGE, "imagePullPolicy": "Never", "readinessProbe": probe}
    spec = {"serviceAccountName": NAME, "dnsPolicy": "Default", "containers": [container]}
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": READS},
        {"apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": {"name": NAME}, "roleRef": role,
         "subjects": [account]},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
         "spec": {"selector": {"matchLabels": LABELS}, "template": template}},
    ]  # fmt: skip
