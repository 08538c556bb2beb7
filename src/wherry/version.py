"""The version, in the one place that both the command and the daemon read cheaply."""

VERSION = "0.1.0"
