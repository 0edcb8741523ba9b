/**
 * `node:http` without an import of it: for that Node (26) evaluates each of its names, and loads the whole of undici for the
 * one of WebSocket, which is a tenth of what a start takes.
 */
export const { STATUS_CODES, ServerResponse } = process.getBuiltinModule('node:http')
