"""The listing of the function by its app: a sync of triggers after new code, a check, and a mark at the package.

On Flex Consumption, an app with new code may list no functions until its triggers are synced
(functions-action#373 and #245, azure-functions-host#10169), and Event Grid refuses a function that is not listed.
"""

from typing import Any

import pulumi
from pulumi import dynamic

from stack.deployer import provider_principal
from stack.function.release import UploadedPackage, mark_released
from stack.resource_manager import resource_manager

_WEB_API = "2024-04-01"
# Observed answers of a host that is still starting. Resource Manager wraps some of them in a 400.
_NOT_YET = frozenset({400, 404, 409, 429, 500, 502, 503, 504})
_SECONDS = 90.0  # a sync waits for the host to start


class NotListedError(Exception):
    """The app does not list the function yet. The message is one line."""


class FunctionListing(dynamic.ResourceProvider):
    """Syncs an app's triggers and checks for its function. It fails until the function is listed.

    stack/retries.py repeats it, with a line about the cause.
    """

    serialize_as_secret_always = False  # it holds no secrets, and a plain provider shows fewer differences

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=f"{props['app']}/functions/{props['function']}", outs=_look(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=_look(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        replaced = [key for key in ("app", "function") if olds.get(key) != news.get(key)]
        changes = bool(replaced) or any(olds.get(key) != news.get(key) for key in ("sha256", "signed"))
        return dynamic.DiffResult(changes=changes, replaces=replaced)


def _look(props: dict[str, Any]) -> dict[str, Any]:
    """Check once. Raises NotListedError, and httpx.HTTPStatusError for permanent failures."""
    app, function = props["app"], props["function"]
    with resource_manager(props["resource_manager"], _WEB_API, props.get("deployer"), seconds=_SECONDS) as client:
        synced = client.post(f"{app}/host/default/sync")
        if synced.status_code in _NOT_YET:
            raise NotListedError(f"the app's triggers cannot be synced yet: Azure answers {synced.status_code}")
        synced.raise_for_status()
        found = client.get(f"{app}/functions/{function}")
        if found.status_code in _NOT_YET:
            raise NotListedError(f"the function {function} is not listed by the app yet")
        found.raise_for_status()
    mark_released(props["package"], props["signed"])
    return {key: props[key] for key in ("app", "function", "sha256", "signed")}


class ListedFunction(dynamic.Resource, module="release", name="ListedFunction"):
    """The function `function` of the app with the ARM id `app`, listed with the code of `package`."""

    def __init__(
        self,
        name: str,
        function: str,
        app: pulumi.Output[str],
        package: UploadedPackage,
        resource_manager_url: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            FunctionListing(),
            name,
            {
                "app": app,
                "function": function,
                "sha256": package.sha256,
                "signed": package.signed,
                "package": package.url,
                "resource_manager": resource_manager_url,
                "deployer": provider_principal(),
            },
            opts,
        )
