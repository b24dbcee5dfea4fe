"""The spec's section on OpenMeetings itself."""

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    Account,
    Folder,
    JvmOption,
    Release,
    TimeZone,
    Unit,
    Webapp,
)


class OpenMeetings(Section):
    """What is installed on every node, and where."""

    release: Release = Field(
        description="The OpenMeetings release that all nodes run.", examples=["9.1.0"]
    )
    home: Folder = Field("/opt/om", description="Where OpenMeetings is installed (CATALINA_BASE).")
    webapp: Webapp = Field("openmeetings", description="The folder under <home>/webapps.")
    data_dir: Folder = Field("/opt/omdata", description="The data folder that all nodes share.")
    timezone: TimeZone = Field("Etc/UTC", description="The time zone of all nodes (IANA name).")
    service: Unit = Field(
        "openmeetings.service",
        description="The systemd unit; `none` without systemd.",
    )
    user: Account = Field("nobody", description="The user that OpenMeetings runs as.")
    group: Account = Field("nogroup", description="The group that OpenMeetings runs as.")
    java_options: list[JvmOption] = Field(
        [], description="Further JVM options.", examples=[["-Xmx2g", "-XX:+UseG1GC"]]
    )
