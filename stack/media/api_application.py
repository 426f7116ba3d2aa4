"""The media service's Entra application: the audience of its tokens, its app roles and their holders."""

import uuid
from collections.abc import Sequence
from enum import StrEnum

import pulumi
import pulumi_azuread as azuread

from stack.media.account import Audience
from stack.place import Place


class AppRole(StrEnum):
    """App roles of the media service, as in a token's `roles`."""

    READ_WRITE = "Media.ReadWrite"
    READ = "Media.Read"

    @property
    def role_id(self) -> str:
        """The role's id within the application: any constant GUID."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"face-redaction/{self.value}"))


_DESCRIPTIONS = {
    AppRole.READ_WRITE: "Submit redaction jobs, and read everything of the media account",
    AppRole.READ: "Read everything of the media account",
}


# People request tokens for a scope. Their rights follow from their app roles only.
_SCOPE = "user_impersonation"
_SCOPE_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, f"face-redaction/{_SCOPE}"))
_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # its application id, the same in every tenant


class ApiApplication(pulumi.ComponentResource):
    """An application with its app roles. The identity `caller` (a principal's object id) may submit jobs.

    `reviewers` and `uploaders` are Entra groups: reviewers may use all operations of the service, uploaders may read.
    """

    audience: Audience

    def __init__(
        self,
        name: str,
        place: Place,
        caller: pulumi.Output[str],
        *,
        uploaders: Sequence[str] = (),
        reviewers: Sequence[str] = (),
    ) -> None:
        super().__init__("face-redaction:media:ApiApplication", name)
        options = pulumi.ResourceOptions(parent=self)
        registration = azuread.ApplicationRegistration(
            place.name("media-api"),
            display_name=f"{place.name('media')} ({pulumi.get_stack()})",
            description="The Media Services account of event-based face redaction",
            sign_in_audience="AzureADMyOrg",
            requested_access_token_version=2,
            opts=options,
        )
        roles = [
            azuread.ApplicationAppRole(
                f"role-{role.value.partition('.')[2].lower()}",
                application_id=registration.id,
                role_id=role.role_id,
                value=role.value,
                display_name=role.value,
                description=_DESCRIPTIONS[role],
                allowed_member_types=["Application", "User"],
                opts=options,
            )
            for role in AppRole
        ]
        # It contains the application's id, so it cannot be part of the registration.
        identifier = azuread.ApplicationIdentifierUri(
            "identifier",
            application_id=registration.id,
            identifier_uri=pulumi.Output.concat("api://", registration.client_id),
            opts=options,
        )
        # Without it, Entra issues no tokens to people, whatever their roles (AADSTS65001).
        scope = azuread.ApplicationPermissionScope(
            "people-sign-in",
            application_id=registration.id,
            scope_id=_SCOPE_ID,
            value=_SCOPE,
            type="User",
            admin_consent_display_name="Use the media service",
            admin_consent_description="Use the media service as the person who is signed in, within that one's roles",
            user_consent_display_name="Use the media service",
            user_consent_description="Use the media service as yourself, within your roles",
            opts=options,
        )
        known = azuread.ApplicationPreAuthorized(
            "azure-cli",
            application_id=registration.id,
            authorized_client_id=_AZURE_CLI,
            permission_ids=[scope.scope_id],
            opts=options,
        )
        principal = azuread.ServicePrincipal(
            place.name("media-api"),
            client_id=registration.client_id,
            app_role_assignment_required=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*roles, identifier, known]),
        )
        # Before the function's first token, since one without the role would be cached for a day.
        submits = azuread.AppRoleAssignment(
            "function-submits-jobs",
            app_role_id=AppRole.READ_WRITE.role_id,
            principal_object_id=caller,
            resource_object_id=principal.object_id,
            opts=options,
        )
        for role, groups in ((AppRole.READ_WRITE, reviewers), (AppRole.READ, uploaders)):
            for group in groups:
                azuread.AppRoleAssignment(
                    f"{role.value.partition('.')[2].lower()}-{group[:8]}",
                    app_role_id=role.role_id,
                    principal_object_id=group,
                    resource_object_id=principal.object_id,
                    opts=options,
                )
        self.audience = Audience(
            asked_for=identifier.identifier_uri,
            # version 2 tokens name the application by its id
            accepted=pulumi.Output.concat(identifier.identifier_uri, ",", registration.client_id),
            ready=[submits],
        )
        self.register_outputs({"audience": identifier.identifier_uri})
