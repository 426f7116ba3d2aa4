"""The bodies of requests. Unknown fields are ignored; wrong types are refused with their path."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from mediaservice.model.transforms import FaceDetectorPreset, Priority, TransformOutput
from mediaservice.utf16 import has_half_pair

HTTP_INPUT = "#Microsoft.Media.JobInputHttp"
ASSET_INPUT = "#Microsoft.Media.JobInputAsset"
INPUT_LIST = "#Microsoft.Media.JobInputs"
MAX_INPUTS, MAX_OUTPUTS = 50, 20
MAX_ADDRESS = 4000  # characters: the REST reference of JobInputHttp
# The limits of Media Services are unknown. These keep an entity within the limits of a table.
MAX_TEXT = 10_000
MAX_CORRELATION = 50_000


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_characters(cls, value: Any) -> Any:
        if has_half_pair(value):
            raise ValueError("a text holds half of a surrogate pair, which is no character")
        return value


class AssetProperties(Body):
    alternate_id: str | None = Field(None, alias="alternateId", max_length=MAX_TEXT)
    description: str | None = Field(None, max_length=MAX_TEXT)
    container: str | None = None
    storage_account_name: str | None = Field(None, alias="storageAccountName")


def _empty_for_null(value: Any) -> Any:
    return {} if value is None else value


class AssetBody(Body):
    properties: Annotated[AssetProperties, BeforeValidator(_empty_for_null)] = AssetProperties.model_validate({})


class ContainerPermission(StrEnum):
    READ = "Read"
    READ_WRITE = "ReadWrite"
    READ_WRITE_DELETE = "ReadWriteDelete"


class ContainerSasBody(Body):
    permissions: ContainerPermission = ContainerPermission.READ
    expiry_time: datetime | None = Field(None, alias="expiryTime")


class TransformBody(Body):
    properties: dict[str, Any]


class TransformPatch(Body):
    description: str | None = Field(None, max_length=MAX_TEXT)
    outputs: tuple[TransformOutput, ...] | None = Field(None, min_length=1)


class _Clip(Body):
    label: str | None = None
    files: tuple[Annotated[str, Field(max_length=MAX_ADDRESS)], ...] = ()
    start: Any = None
    end: Any = None

    @field_validator("files", mode="before")
    @classmethod
    def _null_means_none(cls, value: Any) -> Any:
        return () if value is None else value

    @field_validator("start", "end")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        if value is not None:
            raise ValueError("clipping is not supported; the whole input is redacted")
        return value


class HttpInputBody(_Clip):
    type: Literal["#Microsoft.Media.JobInputHttp"] = Field(alias="@odata.type")
    base_uri: str | None = Field(None, alias="baseUri", max_length=MAX_ADDRESS)


class AssetInputBody(_Clip):
    type: Literal["#Microsoft.Media.JobInputAsset"] = Field(alias="@odata.type")
    asset_name: str = Field(alias="assetName")


def _type(value: Any) -> str | None:
    return value.get("@odata.type") if isinstance(value, dict) else getattr(value, "type", None)


def _one_of(*types: str) -> Discriminator:
    """Refuse a type that is not among them, such as JobInputSequence, by its name."""
    return Discriminator(
        lambda value: kind if (kind := _type(value)) in types else None,
        custom_error_type="input_type",
        custom_error_message=f"the input must be a {', a '.join(types[:-1])} or a {types[-1]}",
    )


_HttpTag = Annotated[HttpInputBody, Tag(HTTP_INPUT)]
_AssetTag = Annotated[AssetInputBody, Tag(ASSET_INPUT)]
InputBody = Annotated[_HttpTag | _AssetTag, _one_of(HTTP_INPUT, ASSET_INPUT)]


class InputListBody(Body):
    """Refuse JobInputs within JobInputs."""

    type: Literal["#Microsoft.Media.JobInputs"] = Field(alias="@odata.type")
    inputs: tuple[InputBody, ...] = Field(min_length=1, max_length=MAX_INPUTS)


class OutputBody(Body):
    type: Literal["#Microsoft.Media.JobOutputAsset"] = Field(alias="@odata.type")
    asset_name: str = Field(alias="assetName")
    label: str | None = None
    preset_override: FaceDetectorPreset | None = Field(None, alias="presetOverride")


class JobProperties(Body):
    input: Annotated[
        _HttpTag | _AssetTag | Annotated[InputListBody, Tag(INPUT_LIST)],
        _one_of(HTTP_INPUT, ASSET_INPUT, INPUT_LIST),
    ]
    outputs: tuple[OutputBody, ...] = Field(min_length=1, max_length=MAX_OUTPUTS)
    description: str | None = Field(None, max_length=MAX_TEXT)
    priority: Priority = Priority.NORMAL
    correlation_data: Mapping[str, str] = Field(default_factory=dict, alias="correlationData")

    @field_validator("priority", "correlation_data", mode="before")
    @classmethod
    def _null_means_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default(call_default_factory=True) if value is None else value

    @field_validator("correlation_data")
    @classmethod
    def _storable(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        size = sum(len(key) + len(text) for key, text in value.items())
        if size > MAX_CORRELATION:
            raise ValueError(f"{size} characters in all; at most {MAX_CORRELATION} are allowed")
        return value


class JobBody(Body):
    properties: JobProperties


class JobPatchProperties(Body):
    description: str | None = Field(None, max_length=MAX_TEXT)
    priority: Priority | None = None


class JobPatch(Body):
    properties: Annotated[JobPatchProperties, BeforeValidator(_empty_for_null)] = JobPatchProperties.model_validate({})
