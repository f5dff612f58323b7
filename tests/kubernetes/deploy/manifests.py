"""Looks at Kubernetes manifests as a cluster would, without one.

    manifests.py FILE...

Each FILE is YAML as `kubectl kustomize` prints it, and complete in itself. Prints what is wrong, as one
JSON array of texts for each FILE.
"""

import functools
import json
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

CLOUDNATIVE_PG = yaml.safe_load((Path(__file__).parent / "cloudnative-pg.yaml").read_text())["kinds"]

# The oldest Kubernetes that the manifests are for, and one that is current.
KUBERNETES_VERSIONS = ("1.29", "1.37")

WORKLOADS = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}


def name_of(document):
    return f"{document.get('kind')}/{document.get('metadata', {}).get('name')}"


def at(document, *path):
    """What lies at a path of keys, or an empty mapping."""
    for key in path:
        document = document.get(key) or {}
    return document


def closed(schema):
    """The schema with every object closed to fields that it does not name, as kubectl has it."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if schema.get("properties") and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


@functools.lru_cache
def operators_schema(api_version, kind):
    """The schema of a kind that an operator brings; None if it is not known."""
    if api_version == "monitoring.coreos.com/v1" and hasattr(prometheus_operator, kind):
        return closed(getattr(prometheus_operator, kind).model_json_schema(by_alias=True))
    return closed(CLOUDNATIVE_PG.get(f"{api_version} {kind}"))


def schema_problems(document):
    """What the schema of the document's kind does not allow."""
    api_version, kind = str(document.get("apiVersion")), str(document.get("kind"))
    group = api_version.rpartition("/")[0]
    if "." not in group or group.endswith(".k8s.io"):
        return kubernetes_problems(document)
    schema = operators_schema(api_version, kind)
    if schema is None:
        return [f"no schema for {api_version} {kind}"]
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def kubernetes_problems(document):
    """What the API of any supported Kubernetes does not allow."""
    for version in KUBERNETES_VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(key) for key in error.path)
            return [f"Kubernetes {version}: {path}: {error.message}"]
        except kubernetes_validate.SchemaNotFoundError:
            return [f"Kubernetes {version} does not know the kind"]
    return []


def pod_of(document):
    """The specification of the pods that a document makes; None if it makes none."""
    path = WORKLOADS.get(document.get("kind"))
    return at(document, *path) if path else None


def pod_labels(document):
    path = WORKLOADS[document["kind"]]
    return at(document, *path[:-1], "metadata", "labels")


def restricted_problems(pod):
    """What the Pod Security Standard `restricted` forbids.

    Of some fields it lets single values pass; nobody here needs these fields at all.
    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is not restricted"
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"}
        allowed |= {"persistentVolumeClaim", "projected", "secret"}
        if not kinds <= allowed:
            yield f"volume {volume['name']}: {', '.join(kinds)} is not restricted"
    of_pod = pod.get("securityContext", {})
    for container in containers(pod):
        own = container.get("securityContext", {})
        context = {**of_pod, **own}
        name = container["name"]
        if own.get("privileged"):
            yield f"{name}: privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation is not false"
        if at(own, "capabilities").get("drop") != ["ALL"]:
            yield f"{name}: capabilities are not dropped"
        if set(at(own, "capabilities").get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name}: capabilities are added"
        if context.get("runAsNonRoot") is not True:
            yield f"{name}: runAsNonRoot is not true"
        if context.get("runAsUser") == 0:
            yield f"{name}: runAsUser is root"
        if at(context, "seccompProfile").get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile is not set"
        for field in ("appArmorProfile", "procMount", "seLinuxOptions", "sysctls", "windowsOptions"):
            if field in context:
                yield f"{name}: {field} is not restricted"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name}: hostPort is not restricted"


def containers(pod):
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def house_problems(pod):
    """What this project asks of every pod beyond that."""
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    for container in containers(pod):
        name = container["name"]
        if at(container, "securityContext").get("readOnlyRootFilesystem") is not True:
            yield f"{name}: readOnlyRootFilesystem is not true"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= set(at(resources, "requests")):
            yield f"{name}: resources.requests are not set"
        if "memory" not in at(resources, "limits"):
            yield f"{name}: resources.limits.memory is not set"
        tag = container.get("image", "").rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{name}: image {container.get('image')} is not pinned"


def mount_problems(pod):
    """Mounts of volumes that are not there."""
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in containers(pod):
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{container['name']}: volume {mount['name']} is not there"


def config_maps_used(pod):
    """Names of the ConfigMaps that a pod mounts, with the volume each is mounted as."""
    for volume in pod.get("volumes", []):
        if "configMap" in volume:
            yield volume["configMap"]["name"], volume["name"]


def reference_problems(document, documents):
    """ConfigMaps, service accounts and files that a pod names and nobody brings."""
    pod = pod_of(document)
    known = {name_of(other): other for other in documents}
    account = pod.get("serviceAccountName")
    if account and f"ServiceAccount/{account}" not in known:
        yield f"ServiceAccount/{account} is not there"
    for name, volume in config_maps_used(pod):
        config_map = known.get(f"ConfigMap/{name}")
        if config_map is None:
            yield f"ConfigMap/{name} is not there"
            continue
        for container in containers(pod):
            mounted = any(mount["name"] == volume for mount in container.get("volumeMounts", []))
            config = config_map["data"].get("config.yaml")
            if mounted and config:
                yield from file_problems(container, pod, yaml.safe_load(config))


def files_in(config):
    """Every path that a configuration of the exporter names."""
    if isinstance(config, list):
        for part in config:
            yield from files_in(part)
    elif isinstance(config, dict):
        for key, value in config.items():
            if isinstance(value, str) and key.lower().endswith("file"):
                yield value
            else:
                yield from files_in(value)


def file_problems(container, pod, config):
    """Files in the configuration that no volume of the container holds.

    A report reads no certificates, and needs none.
    """
    if "report" in container.get("args", []):
        config.pop("certificates", None)
    held = held_files(container, pod)
    for file in sorted(set(files_in(config))):
        if not any(file == path or (whole and file.startswith(path + "/")) for path, whole in held):
            yield f"{container['name']}: config.yaml names {file}, which no volume holds"


def held_files(container, pod):
    """The paths that volumes hold: single files, or whole directories of unknown content."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    held = []
    for mount in container.get("volumeMounts", []):
        volume = volumes.get(mount["name"], {})
        sources = volume.get("projected", {}).get("sources") or [volume]
        for source in sources:
            items = at(source, "secret").get("items")
            if items:
                held += [(f"{mount['mountPath']}/{item['path']}", False) for item in items]
            else:
                held.append((mount["mountPath"], True))
    return held


SELECTORS = {
    "Deployment": ("spec", "selector"),
    "NetworkPolicy": ("spec", "podSelector"),
    "PodMonitor": ("spec", "selector"),
}


def selection_problems(document, documents):
    """Selectors that select none of the pods, and ports that these do not have."""
    kind = document["kind"]
    wanted = at(document, *SELECTORS.get(kind, ()), "matchLabels")
    # CloudNativePG makes those pods.
    if kind not in SELECTORS or "cnpg.io/cluster" in wanted:
        return
    makers = [document] if kind == "Deployment" else [other for other in documents if pod_of(other)]
    selected = [pod_of(maker) for maker in makers if wanted.items() <= pod_labels(maker).items()]
    if not selected:
        yield "selects no pod"
    if kind == "PodMonitor":
        ports = {name for pod in selected for name in port_names(pod)}
        for endpoint in document["spec"]["podMetricsEndpoints"]:
            if endpoint.get("port") not in ports:
                yield f"no pod has the port {endpoint.get('port')}"


def port_names(pod):
    ports = [port for container in containers(pod) for port in container.get("ports", [])]
    return [port.get("name") for port in ports]


def release_problems(document):
    """A stock kube-prometheus-stack looks only at what carries the name of its release."""
    if document.get("apiVersion", "").startswith("monitoring.coreos.com/"):
        if "release" not in at(document, "metadata", "labels"):
            yield "no label `release`"


def problems(documents):
    """Everything that is wrong with documents that are applied together."""
    if not documents:
        yield "no document"
    for document in documents:
        # The rest relies on the form.
        found = schema_problems(document) or [
            *workload_problems(document, documents),
            *selection_problems(document, documents),
            *release_problems(document),
        ]
        yield from (f"{name_of(document)}: {problem}" for problem in found)


def workload_problems(document, documents):
    pod = pod_of(document)
    if pod is not None:
        yield from restricted_problems(pod)
        yield from house_problems(pod)
        yield from mount_problems(pod)
        yield from reference_problems(document, documents)


def main():
    texts = [Path(file).read_text() for file in sys.argv[1:]]
    parsed = [[document for document in yaml.safe_load_all(text) if document] for text in texts]
    print(json.dumps([list(problems(documents)) for documents in parsed]))


if __name__ == "__main__":
    main()
