// Loaded before a server to make it slow on purpose: burns 1 ms of CPU at each request.
import { Server } from 'node:http';

const { emit } = Server.prototype;
Server.prototype.emit = function (name, ...rest) {
  if (name === 'request') {
    const until = performance.now() + 1;
    while (performance.now() < until);
  }
  return emit.call(this, name, ...rest);
};
