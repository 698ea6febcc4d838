// Baseline: a bare Express 5 route, as its documentation shows it, that answers the JSON given in the environment.
import express from 'express';

const answer = JSON.parse(process.env.ANSWER);
const app = express();
app.get(process.env.ROUTE ?? '/api/v1/workspaces/:id', (_request, response) => {
  response.json(answer);
});
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
