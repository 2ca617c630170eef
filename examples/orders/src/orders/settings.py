"""What the service is told by its environment."""

from typing import Annotated

from pydantic import Field, PostgresDsn, RedisDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting is a variable `ORDERS_<NAME>`, but for DATABASE_URL and REDIS_URL.

    What has no default must be set: a service that guesses its database or its port
    finds the wrong one sooner or later.
    """

    model_config = SettingsConfigDict(
        env_prefix="ORDERS_", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    database_url: Annotated[PostgresDsn, Field(validation_alias="DATABASE_URL")]
    redis_url: Annotated[RedisDsn, Field(validation_alias="REDIS_URL")]
    token_secret: Annotated[SecretStr, Field(min_length=32)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    key_prefix: str = "orders:"
    stream: str = "orders.events"
    stream_max_length: Annotated[int, Field(ge=1)] = 10_000
    requests_per_minute: Annotated[int, Field(ge=1)] = 120
    max_body_bytes: Annotated[int, Field(ge=1)] = 64 * 1024
    relay_seconds: Annotated[float, Field(gt=0)] = 5.0


def from_environment() -> Settings:
    """Read the settings.

    Raises:
        pydantic.ValidationError: a variable is missing or makes no sense.
    """
    return Settings.model_validate({})
