"""Every part of the design system in its states, at /dev/components."""
