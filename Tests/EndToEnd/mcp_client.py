"""A Model Context Protocol client for test_mcp.py: starts a server, calls tools, prints the results.

Runs in .venv-tools. Reads {"command", "mode", "calls": [[tool, arguments], …]} from standard input."""

import asyncio
import json
import os
import sys

import jsonschema  # type: ignore[import-untyped]
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


async def main():
    wanted = json.load(sys.stdin)
    command, *words = wanted["command"]
    server = StdioServerParameters(command=command, args=words, env=dict(os.environ))
    async with Client(stdio_client(server), mode=wanted["mode"]) as client:
        tools = await client.list_tools()
        for tool in tools.tools:
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        answers = []
        for name, arguments in wanted["calls"]:
            result = await client.call_tool(name, arguments)
            answers.append({"error": result.is_error, "content": result.structured_content,
                            "text": getattr(result.content[0], "text", None)})
        print(json.dumps({
            "version": client.protocol_version,
            "tools": [tool.model_dump(mode="json", by_alias=True) for tool in tools.tools], "answers": answers}))


asyncio.run(main())
