"""Backups: made, looked through, proven, restored, and made again by a schedule."""
