"""Every shape on any wire: frames, channel messages, plain chat, errors and reasons."""
