"""What a profile asks for in the words of our launchers' options, and those options as settings of a profile.

Promise: pure. What ``asked`` cannot say in our options it does not bend into
them: then the profile is run as written, by ipyparallel's own launchers.
"""

from .asked import Asked, asked, options_of, says_no_more
from .written import OWN, settings_beside, settings_of

__all__ = ["OWN", "Asked", "asked", "options_of", "says_no_more", "settings_beside", "settings_of"]
