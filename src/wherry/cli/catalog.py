"""Every command: its path, where it lives, one line about it. Data; nothing is imported here.

The module is imported when its command is called; there `COMMANDS` holds the rest (flags,
usage, the function).
"""

CATALOG: dict[str, tuple[str, str]] = {
    "run": ("run", "Create and run a new container from an image"),
    "exec": ("exec", "Execute a command in a running container"),
    "ps": ("ps", "List containers"),
    "pull": ("imagefiles", "Download an image from a registry"),
    "images": ("images", "List images"),
    "version": ("system", "Show the wherry version information"),
    "info": ("system", "Display system-wide information"),
    "attach": (
        "attach",
        "Attach local standard input, output, and error streams to a running container",
    ),
    "completion": ("completion", "Print a completion script for bash, zsh or fish"),
    "create": ("run", "Create a new container"),
    "events": ("events", "Get real time events from the server"),
    "history": ("images", "Show the history of an image"),
    "import": ("imagefiles", "Import the contents from a tarball to create a filesystem image"),
    "inspect": ("inspect", "Return low-level information on wherry objects"),
    "kill": ("lifecycle", "Kill one or more running containers"),
    "load": ("imagefiles", "Load an image from a tar archive or STDIN"),
    "logs": ("logs", "Fetch the logs of a container"),
    "pause": ("lifecycle", "Pause all processes within one or more containers"),
    "port": ("containers", "List port mappings or a specific mapping for the container"),
    "rename": ("lifecycle", "Rename a container"),
    "restart": ("lifecycle", "Restart one or more containers"),
    "rm": ("lifecycle", "Remove one or more containers"),
    "rmi": ("images", "Remove one or more images"),
    "save": (
        "imagefiles",
        "Save one or more images to a tar archive (streamed to STDOUT by default)",
    ),
    "start": ("attach", "Start one or more stopped containers"),
    "stop": ("lifecycle", "Stop one or more running containers"),
    "tag": ("images", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
    "top": ("containers", "Display the running processes of a container"),
    "unpause": ("lifecycle", "Unpause all processes within one or more containers"),
    "wait": ("lifecycle", "Block until one or more containers stop, then print their exit codes"),
    "container inspect": ("inspect", "Display detailed information on one or more containers"),
    "container prune": ("containers", "Remove all stopped containers"),
    "image bootstrap": ("imagefiles", "Make a first image from the host, without a registry"),
    "image inspect": ("inspect", "Display detailed information on one or more images"),
    "image prune": ("images", "Remove unused images"),
    "volume create": ("volumes", "Create a volume"),
    "volume inspect": ("inspect", "Display detailed information on one or more volumes"),
    "volume ls": ("volumes", "List volumes"),
    "volume prune": ("volumes", "Remove unused local volumes"),
    "volume rm": ("volumes", "Remove one or more volumes"),
    "network connect": ("networks", "Connect a container to a network"),
    "network create": ("networks", "Create a network"),
    "network disconnect": ("networks", "Disconnect a container from a network"),
    "network inspect": ("inspect", "Display detailed information on one or more networks"),
    "network ls": ("networks", "List networks"),
    "network prune": ("networks", "Remove all unused networks"),
    "network rm": ("networks", "Remove one or more networks"),
    "system df": ("diskusage", "Show wherry disk usage"),
}

GROUPS: dict[str, str] = {
    "container": "Manage containers",
    "image": "Manage images",
    "network": "Manage networks",
    "system": "Manage wherry",
    "volume": "Manage volumes",
}

COMMON = ("run", "exec", "ps", "pull", "images", "version", "info")
"""What help shows first."""

_IN_CONTAINER = (
    "attach create exec kill logs pause port rename restart rm run start stop top unpause wait"
)
_IN_IMAGE = "history import load pull save tag"

ALIASES: dict[str, str] = {
    **{f"container {name}": name for name in _IN_CONTAINER.split()},
    **{f"image {name}": name for name in _IN_IMAGE.split()},
    "container ls": "ps",
    "container list": "ps",
    "container ps": "ps",
    "container remove": "rm",
    "image ls": "images",
    "image list": "images",
    "image rm": "rmi",
    "image remove": "rmi",
    "network list": "network ls",
    "network remove": "network rm",
    "volume list": "volume ls",
    "volume remove": "volume rm",
    "system info": "info",
    "system events": "events",
}
"""Another path to the same command."""
