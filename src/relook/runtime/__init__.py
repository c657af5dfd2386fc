"""The process and its machine: devices, processes, files, memory, reading ahead."""
