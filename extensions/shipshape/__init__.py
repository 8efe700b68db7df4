"""The tool beside the template: what plain Copier can't do."""
