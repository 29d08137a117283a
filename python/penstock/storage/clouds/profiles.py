"""Profiles of the AWS command line: keys, regions and endpoints that lie in files."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.errors import ConfigError, MissingExtraError
from penstock.extras import import_extra

__all__ = ["read_profile"]

#: What makes keys of a profile that has none. boto3 knows how.
_BY_BOTO3 = ("sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file")


def read_profile(name: str | None) -> dict[str, Any] | None:
    """What a profile says, by the names that ``creds`` has for it.

    Args:
        name: The profile's name; None for that of ``AWS_PROFILE``, else "default".

    Returns:
        None where no name was given and there is no such profile, or none with keys.

    Raises:
        ConfigError: There is no such profile, or a file cannot be read. What a file holds is not named.
        MissingExtraError: Its keys come from SSO, a role or a program, and boto3 is not installed.
    """
    asked = name or os.environ.get("AWS_PROFILE")
    wanted = asked or "default"
    credentials, config = (
        _sections("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        _sections("AWS_CONFIG_FILE", "config"),
    )
    # In the second file all but the default one are called "profile NAME".
    in_config = "default" if wanted == "default" else f"profile {wanted}"
    settings = {**config.get(in_config, {}), **credentials.get(wanted, {})}
    if not settings:
        if asked is None:
            return None
        raise ConfigError(
            f"there is no AWS profile '{wanted}'",
            hint="~/.aws/config and ~/.aws/credentials have them, or what AWS_CONFIG_FILE and "
            "AWS_SHARED_CREDENTIALS_FILE name",
        )
    found = {
        "aws_region": settings.get("region"),
        "endpoint_url": settings.get("endpoint_url"),
        "aws_access_key_id": settings.get("aws_access_key_id"),
        "aws_secret_access_key": settings.get("aws_secret_access_key"),
        "aws_session_token": settings.get("aws_session_token"),
    }
    if found["aws_access_key_id"] is None:
        if any(word in settings for word in _BY_BOTO3):
            found.update(_by_boto3(wanted))
        elif asked is None:
            return None
    return {key: value for key, value in found.items() if value is not None}


def _sections(variable: str, file: str) -> dict[str, Mapping[str, str]]:
    path = Path(os.environ.get(variable) or Path("~") / ".aws" / file)
    try:
        path = path.expanduser()
        # Keys may have percent signs in them.
        parser = configparser.RawConfigParser(strict=False)
        with path.open(encoding="utf-8") as lines:
            parser.read_file(lines)
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # Its text quotes the line.
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raised = ConfigError(f"the file '{path}' of AWS profiles cannot be read: {why}")
    else:
        return {" ".join(name.split()): dict(parser[name]) for name in parser.sections()}
    raise raised


def _by_boto3(profile: str) -> dict[str, Any]:
    try:
        session = import_extra("boto3", f"the AWS profile '{profile}'", "remote").Session(profile_name=profile)
    except MissingExtraError as error:
        error.hint = "Its keys come from SSO, a role or a program: pip install boto3 (botocore[crt] for SSO)"
        raise
    failed = None
    try:
        frozen = session.get_credentials().get_frozen_credentials()
    except Exception as error:
        failed = type(error).__name__
    if failed is not None:
        raise ConfigError(f"boto3 has no keys for the AWS profile '{profile}': {failed}", hint="Try: aws sso login")
    return {
        "aws_access_key_id": frozen.access_key,
        "aws_secret_access_key": frozen.secret_key,
        "aws_session_token": frozen.token,
    }
