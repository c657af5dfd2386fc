"""Result files for test servers: written, and checked by the rules of the servers."""
