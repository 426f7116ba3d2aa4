"""A substitute for the providers azure-native and azuread, with the protocol of azure-native 2.92.

Sources: pulumi-azure-native's provider.go (names, previews, replacement), previewOutputs.go and diff.go.
"""

import hashlib
from typing import Any, override

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

from local.graph.outputs import UnknownResourceError, answer, kind_of, output_names, path_inputs
from tests.engine.azure import Azure, BrokenError, RefusedError

# Set on resources with random names: the replacement can exist beside the original.
_NAMED_AT_RANDOM = "__createBeforeDelete"
# Properties that Azure cannot change in place, besides those in the id.
_FIXED = {
    "azuread:AppRoleAssignment": {"appRoleId", "principalObjectId", "resourceObjectId"},
    "azuread:ApplicationAppRole": {"applicationId", "roleId"},
    "azuread:ApplicationIdentifierUri": {"applicationId", "identifierUri"},
    "azuread:ServicePrincipal": {"clientId"},
    "app:ManagedEnvironment": {"location"},
    "authorization:RoleAssignment": {"principalId", "roleDefinitionId"},
    "eventgrid:SystemTopic": {"location", "source", "topicType"},
    "eventgrid:Topic": {"inputSchema", "location"},
    "insights:Component": {"location"},
    "managedidentity:UserAssignedIdentity": {"location"},
    "media:MediaService": {"location"},
    "operationalinsights:Workspace": {"location"},
    "resources:ResourceGroup": {"location"},
    "storage:StorageAccount": {"isHnsEnabled", "location"},
    "web:AppServicePlan": {"location"},
    "web:WebApp": {"kind", "location"},
}


class AzureNative(provider_pb2_grpc.ResourceProviderServicer):
    """The provider. All attached engines share `azure`."""

    def __init__(self, azure: Azure, version: str) -> None:
        self.azure, self._version = azure, version

    @override
    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    @override
    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @override
    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    @override
    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    @override
    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    @override
    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @override
    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @override
    def Invoke(self, request: Any, context: Any) -> Any:
        try:
            answered = answer(
                request.tok,
                _plain(request.args),
                tenant_id=self.azure.tenant_id,
                deployer_id=self.azure.deployer_id,
            )
        except UnknownResourceError as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        return provider_pb2.InvokeResponse(**{"return": _struct(answered)})

    @override
    def Check(self, request: Any, context: Any) -> Any:
        """Give a resource without a name its former name."""
        inputs, before = _plain(request.news), _plain(request.olds)
        try:
            own_name = _path_inputs(request.type)[-1:]
        except UnknownResourceError as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        for name in own_name:
            if name not in inputs:
                suffix = hashlib.sha256(request.randomSeed).hexdigest()[:8]
                inputs[name] = before.get(name, f"{request.name}{suffix}")
                inputs[_NAMED_AT_RANDOM] = True
        return provider_pb2.CheckResponse(inputs=_struct(inputs))

    @override
    def Diff(self, request: Any, context: Any) -> Any:
        before, after = _plain(request.old_inputs), _plain(request.news)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        fixed = _FIXED.get(kind_of(request.type), set()) | set(_path_inputs(request.type))
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some,
            diffs=changed,
            replaces=[name for name in changed if name in fixed],
            deleteBeforeReplace=not before.get(_NAMED_AT_RANDOM),
        )

    @override
    def Create(self, request: Any, context: Any) -> Any:
        inputs = _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_struct(_expected(request.type, inputs)))
        try:
            resource_id, state = self.azure.create(request.urn, inputs)
        except RefusedError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except BrokenError as broken:
            _abort_partially(context, broken, inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=_struct(state))

    @override
    def Update(self, request: Any, context: Any) -> Any:
        inputs = _plain(request.news)
        if request.preview:
            expected = _expected(request.type, inputs)
            if "name" in (before := _plain(request.olds)):
                expected["name"] = before["name"]
            return provider_pb2.UpdateResponse(properties=_struct(expected))
        try:
            state = self.azure.update(request.id, request.urn, inputs)
        except RefusedError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except BrokenError as broken:
            _abort_partially(context, broken, inputs)
        return provider_pb2.UpdateResponse(properties=_struct(state))

    @override
    def Read(self, request: Any, context: Any) -> Any:
        held = self.azure.resources.get(request.id)
        if held is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(held.state), inputs=_struct(held.inputs))

    @override
    def Delete(self, request: Any, context: Any) -> Any:
        try:
            self.azure.delete(request.id)
        except RefusedError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        return empty_pb2.Empty()


def _abort_partially(context: Any, broken: BrokenError, inputs: dict[str, Any]) -> None:
    """Fail as azure-native does for a resource that exists but failed: the error's details carry its state."""
    details = any_pb2.Any()
    details.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=broken.resource_id, properties=_struct(broken.state), inputs=_struct(inputs), reasons=[str(broken)]
        )
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(broken), details=[details])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, str(broken))


def _path_inputs(token: str) -> list[str]:
    """Return the inputs in an id. Ids of the directory's objects have none."""
    return [] if token.startswith("azuread:") else path_inputs(token)


def _expected(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs known in a preview: the declared ones. Azure's additions are unknown."""
    added = [name for name in output_names(token, inputs) if name != "name" or name not in inputs]
    return inputs | dict.fromkeys(added, UNKNOWN)


def _plain(struct: Any) -> dict[str, Any]:
    plain: dict[str, Any] = _whole(json_format.MessageToDict(struct))
    return plain


def _whole(value: Any) -> Any:
    """Restore integers, since structs carry every number as a float."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
    return value


def _struct(values: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct
