"""Every connection uses TLS, 1.2 or later."""

from collections.abc import Iterator

from policy.rules.rule import UNKNOWN, Declared, Rule

# Kind → the input with its minimum TLS version, and that input's values from 1.2 on.
_OLDEST_TLS = {
    "eventgrid:Topic": ("minimumTlsVersionAllowed", ("1.2",)),
    "storage:StorageAccount": ("minimumTlsVersion", ("TLS1_2", "TLS1_3")),
    "web:WebApp": ("siteConfig.minTlsVersion", ("1.2", "1.3")),
    "web:WebAppSlot": ("siteConfig.minTlsVersion", ("1.2", "1.3")),
    "media:MediaService": ("minimumTlsVersion", ("Tls12", "Tls13")),
}


def _old_tls(resource: Declared) -> Iterator[str]:
    if resource.kind in _OLDEST_TLS:
        path, allowed = _OLDEST_TLS[resource.kind]
        if resource.at(path) not in {*allowed, UNKNOWN}:
            yield f"set {path} to {' or '.join(allowed)}"


def _plain_http(resource: Declared) -> Iterator[str]:
    match resource.kind:
        case "storage:StorageAccount":
            if resource.at("enableHttpsTrafficOnly") not in {None, True, UNKNOWN}:  # on unless it is turned off
                yield "set enableHttpsTrafficOnly to True"
        case "web:WebApp" | "web:WebAppSlot":
            if resource.at("httpsOnly") not in {True, UNKNOWN}:
                yield "set httpsOnly to True"
            if resource.at("siteConfig.ftpsState") == "AllAllowed":
                yield "set siteConfig.ftpsState to Disabled"
        case "app:ContainerApp":
            if resource.at("configuration.ingress.allowInsecure") not in {None, False, UNKNOWN}:
                yield "set configuration.ingress.allowInsecure to False"


TLS_1_2 = Rule("tls-1-2", "The minimum TLS version is 1.2.", _old_tls)
HTTPS_ONLY = Rule("https-only", "Every endpoint requires TLS.", _plain_http)
