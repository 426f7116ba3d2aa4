"""The containers of the media service: one image, two processes, each with an identity and roles of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.app import v20250101 as app
from pulumi_azure_native.authorization import v20220401 as authorization
from pulumi_azure_native.managedidentity import v20241130 as managedidentity

from stack.identity import managed_identity
from stack.media.image import Image
from stack.place import Place
from stack.roles import Role, grant


@dataclass(frozen=True)
class Need:
    """A role on the resource `scope`. `reason` becomes part of the assignment's name."""

    reason: str
    role: Role
    scope: pulumi.Output[str]


@dataclass(frozen=True)
class Shared:
    """The settings and roles that both processes have, and the resources that must exist before either starts."""

    image: Image
    settings: Mapping[str, pulumi.Input[str]]
    needs: Sequence[Need]
    depends_on: Sequence[pulumi.Resource]


class Process:
    """`python -m mediaservice NAME OPTIONS…`, with its identity and the roles it needs."""

    def __init__(
        self,
        name: str,
        place: Place,
        shared: Shared,
        *options: str,
        needs: Sequence[Need],
        parent: pulumi.Resource,
    ) -> None:
        self._shared, self._parent = shared, parent
        self._name, self._arguments = name, [name, *options]
        self._identity = managed_identity(name, place, parent=parent)
        registry = shared.image.registry
        pulls = [Need("pulls-image", Role.ACR_PULL, registry.registry_id)] if registry else []
        self._roles: list[authorization.RoleAssignment] = [
            grant(
                f"{name}-{need.reason}",
                need.role,
                scope=need.scope,
                principal_id=self._identity.principal_id,
                parent=parent,
            )
            for need in (*needs, *shared.needs, *pulls)
        ]

    @property
    def identity(self) -> managedidentity.UserAssignedIdentity:
        return self._identity

    @property
    def assigned(self) -> app.ManagedServiceIdentityArgs:
        return app.ManagedServiceIdentityArgs(
            type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[self._identity.id]
        )

    @property
    def registries(self) -> list[app.RegistryCredentialsArgs]:
        registry = self._shared.image.registry
        return [app.RegistryCredentialsArgs(server=registry.server, identity=self._identity.id)] if registry else []

    @property
    def options(self) -> pulumi.ResourceOptions:
        """The options of the process's resource, which needs its roles first."""
        return pulumi.ResourceOptions(parent=self._parent, depends_on=[*self._roles, *self._shared.depends_on])

    def container(
        self,
        settings: Mapping[str, pulumi.Input[str]],
        resources: app.ContainerResourcesArgs,
        probes: list[app.ContainerAppProbeArgs] | None = None,
    ) -> app.ContainerArgs:
        """Return the container, with `settings` on top of the shared ones."""
        env = {
            "AZURE_CLIENT_ID": self._identity.client_id,
            "TOKEN_TENANT_ID": self._identity.tenant_id,
            **self._shared.settings,
            **settings,
        }
        return app.ContainerArgs(
            name=self._name,
            image=self._shared.image.reference,
            command=["python", "-m", "mediaservice", *self._arguments],
            env=[app.EnvironmentVarArgs(name=key, value=value) for key, value in env.items()],
            resources=resources,
            probes=probes,
        )
