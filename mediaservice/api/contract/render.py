"""Entities in the form of the contract."""

import uuid
from datetime import UTC, datetime
from typing import Any

from mediaservice.model.assets import Asset
from mediaservice.model.authorship import Authorship
from mediaservice.model.errors import JobError
from mediaservice.model.jobs import HttpInput, Input, Job, JobOutput
from mediaservice.model.transforms import Transform
from mediaservice.settings import Account

TYPE = "Microsoft.Media/mediaservices"


def time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def account(value: Account) -> dict[str, Any]:
    return {
        "name": value.name,
        "id": value.id,
        "type": TYPE,
        "location": value.location,
        "tags": {},
        "identity": {"type": "None"},
        "properties": {
            "mediaServiceId": str(uuid.uuid5(uuid.NAMESPACE_URL, value.id.lower())),
            "storageAccounts": [{"id": value.storage_id, "type": "Primary"}],
            "storageAuthentication": "ManagedIdentity",
            "encryption": {"type": "SystemKey"},
            "keyDelivery": {"accessControl": {"defaultAction": "Allow"}},
            "publicNetworkAccess": "Enabled",
            "provisioningState": "Succeeded",
        },
    }


def asset(of: Account, value: Asset) -> dict[str, Any]:
    properties = {
        "assetId": value.asset_id,
        "created": time(value.created),
        "lastModified": time(value.last_modified),
        "alternateId": value.alternate_id,
        "description": value.description,
        "container": value.container,
        "storageAccountName": of.storage_name,
        "storageEncryptionFormat": "None",
    }
    return _resource(f"{of.id}/assets/{value.name}", f"{TYPE}/assets", properties, value)


def transform(of: Account, value: Transform) -> dict[str, Any]:
    properties = {
        "created": time(value.created),
        "lastModified": time(value.last_modified),
        **value.properties.model_dump(mode="json", by_alias=True),
    }
    return _resource(f"{of.id}/transforms/{value.name}", f"{TYPE}/transforms", properties, value)


def job(of: Account, value: Job) -> dict[str, Any]:
    properties = {
        "created": time(value.created),
        "state": value.state,
        "description": value.description,
        "input": _job_inputs(value),
        "lastModified": time(value.last_modified),
        "outputs": [_output(output) for output in value.outputs],
        "priority": value.priority,
        "correlationData": dict(value.correlation_data),
        "startTime": time(value.start_time) if value.start_time else None,
        "endTime": time(value.end_time) if value.end_time else None,
    }
    return _resource(job_id(of, value), f"{TYPE}/transforms/jobs", properties, value)


def job_id(of: Account, value: Job) -> str:
    return f"{of.id}/transforms/{value.transform}/jobs/{value.name}"


def _resource(
    resource_id: str, kind: str, properties: dict[str, Any], entity: Asset | Transform | Job
) -> dict[str, Any]:
    present = {key: value for key, value in properties.items() if value is not None}
    return {
        "name": resource_id.rpartition("/")[2],
        "id": resource_id,
        "type": kind,
        "properties": present,
        "systemData": _system_data(entity.authorship, entity.created, entity.last_modified),
    }


def _system_data(authorship: Authorship | None, created: datetime, last_modified: datetime) -> dict[str, Any]:
    if authorship is None:
        return {"createdAt": time(created), "lastModifiedAt": time(last_modified)}
    return {
        "createdBy": authorship.created_by.name,
        "createdByType": authorship.created_by.kind,
        "createdAt": time(created),
        "lastModifiedBy": authorship.modified_by.name,
        "lastModifiedByType": authorship.modified_by.kind,
        "lastModifiedAt": time(authorship.modified),
    }


def _job_inputs(value: Job) -> dict[str, Any]:
    if value.listed:
        return {"@odata.type": "#Microsoft.Media.JobInputs", "inputs": [_input(each) for each in value.inputs]}
    return _input(value.inputs[0])


def _input(given: Input) -> dict[str, Any]:
    """Render an input with `files` empty, as Media Services did, since addresses carry signatures."""
    shown: dict[str, Any] = {"files": [], "inputDefinitions": []}
    if isinstance(given, HttpInput):
        shown |= {"@odata.type": "#Microsoft.Media.JobInputHttp"}
        if given.base_uri:
            shown["baseUri"] = given.base_uri
    else:
        shown |= {"@odata.type": "#Microsoft.Media.JobInputAsset", "assetName": given.asset}
        shown["files"] = list(given.files if given.given is None else given.given)
    if given.label:
        shown["label"] = given.label
    return shown


def _output(value: JobOutput) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "@odata.type": "#Microsoft.Media.JobOutputAsset",
        "assetName": value.asset,
        "state": value.state,
        "progress": value.progress,
        "label": value.label,
    }
    if value.error:
        shown["error"] = _error(value.error)
    if value.start_time:
        shown["startTime"] = time(value.start_time)
    if value.end_time:
        shown["endTime"] = time(value.end_time)
    return shown


def _error(value: JobError) -> dict[str, Any]:
    return {
        "code": value.code,
        "message": value.message,
        "category": value.code.category,
        "retry": value.code.retry,
        "details": [{"code": detail.code, "message": detail.message} for detail in value.details],
    }
