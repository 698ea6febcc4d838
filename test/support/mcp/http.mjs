// The test server on streamable HTTP, with sessions, in a process of its own: `PORT`, `TOKEN`. Prints its URL.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { makeServer } from './server.mjs';

const { PORT = '0', TOKEN, TRACE, PLAIN } = process.env;
const sessions = new Map();

const open = async () => {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: PLAIN === 'true',
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  const server = makeServer({ trace: TRACE, die: () => process.exit(1), write: () => undefined });
  await server.connect(transport);
  return transport;
};

const http = createServer(async (req, res) => {
  if (TOKEN && req.headers.authorization !== `Bearer ${TOKEN}`) return res.writeHead(401).end();
  const id = req.headers['mcp-session-id'];
  if (id !== undefined && !sessions.has(id)) return res.writeHead(404).end();
  const transport = id === undefined ? await open() : sessions.get(id);
  return transport.handleRequest(req, res);
});
http.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/`));
