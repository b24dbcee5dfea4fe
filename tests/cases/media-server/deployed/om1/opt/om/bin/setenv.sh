#!/bin/sh
JAVA_OPTS="$JAVA_OPTS -Duser.timezone=UTC -Xms512m"
