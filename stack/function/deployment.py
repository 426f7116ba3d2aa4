"""The deployment of the function's code: an uploaded package, One Deploy with its link, and a listed function."""

import hashlib
import json

import pulumi
from pulumi_azure_native.resources import v20241101 as resources

from stack.deployer import deployer_principal
from stack.function.listing import ListedFunction
from stack.function.package import FunctionPackage
from stack.function.release import PACKAGE_NAME, UploadedPackage
from stack.place import Place
from stack.roles import Role, grant


def release(
    name: str,
    place: Place,
    package: FunctionPackage,
    *,
    container_url: pulumi.Output[str],
    container_id: pulumi.Output[str],
    account_id: pulumi.Output[str],
    app_name: pulumi.Output[str],
    app_id: pulumi.Output[str],
    function: str,
    resource_manager: str,
    deployer_group: str | None,
    parent: pulumi.Resource,
) -> ListedFunction:
    """Upload the package, deploy it to the app, and wait until the app lists `function`.

    All of it is repeated only when the package's hash, the app or the template changes, or after a failure.
    `container_url` and `container_id` name the blob container for packages, `account_id` its account. One Deploy reads
    the package by a link, because reading with the app's identity has not been observed to work.
    """
    deployer_id, deployer_type = deployer_principal(deployer_group)
    wanted = [
        ("deployer-uploads-code", Role.BLOB_CONTRIBUTOR, container_id),
        ("deployer-signs-link", Role.BLOB_DELEGATOR, account_id),
    ]
    may_upload = [
        grant(reason, role, scope=scope, principal_id=deployer_id, principal_type=deployer_type, parent=parent)
        for reason, role, scope in wanted
    ]
    uploaded = UploadedPackage(
        PACKAGE_NAME,
        package,
        container_url,
        app_id,
        hashlib.sha256(json.dumps(_ONE_DEPLOY, sort_keys=True).encode()).hexdigest(),
        pulumi.ResourceOptions(parent=parent, depends_on=may_upload),
    )
    taken = resources.Deployment(
        name,
        resource_group_name=place.group_name,
        properties=resources.DeploymentPropertiesArgs(
            mode=resources.DeploymentMode.INCREMENTAL,
            template=_ONE_DEPLOY,
            parameters={
                "app": resources.DeploymentParameterArgs(value=app_name),
                "packageUri": resources.DeploymentParameterArgs(value=uploaded.link),
                "packageSha256": resources.DeploymentParameterArgs(value=uploaded.sha256),
            },
        ),
        tags=place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return ListedFunction(
        f"{name}-listed",
        function,
        app_id,
        uploaded,
        resource_manager,
        pulumi.ResourceOptions(parent=parent, depends_on=[taken]),
    )


# azure-native has no class for a site's extensions. The link is a secureString: the group's list of deployments does
# not show it. The hash stands among the parameters only so that a new package is a new deployment.
_ONE_DEPLOY = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "app": {"type": "string"},
        "packageUri": {"type": "secureString"},
        "packageSha256": {"type": "string"},
    },
    "resources": [
        {
            "type": "Microsoft.Web/sites/extensions",
            "apiVersion": "2024-04-01",
            "name": "[format('{0}/onedeploy', parameters('app'))]",
            "properties": {"packageUri": "[parameters('packageUri')]", "remoteBuild": False},
        }
    ],
}
