"""The spec's section on the media server, with its TURN server."""

from typing import Literal

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    KurentoUrl,
    Minutes,
    SecretSource,
    SpringText,
    TurnUrl,
)


class Turn(Section):
    """The TURN server that browsers use; unset keys keep the shipped value."""

    url: TurnUrl | None = Field(
        None, description="`host:port`, or `turn:`, `turns:` and `stun:` URLs separated by commas."
    )
    user: SpringText | None = Field(
        None, description="The user, for mode `static`.", examples=["om"]
    )
    secret: SecretSource | None = Field(None, description="Source of the TURN server's secret.")
    mode: Literal["rest", "static"] | None = Field(
        None,
        description="`rest`: temporary passwords derived from the secret; `static`: user and secret.",
    )
    ttl: Minutes | None = Field(
        None, description="The lifetime of a temporary password, in minutes."
    )


class Kurento(Section):
    """The media server; unset keys keep the shipped value."""

    url: KurentoUrl | None = Field(None, description="The media server that all nodes use.")
    turn: Turn = Turn()
