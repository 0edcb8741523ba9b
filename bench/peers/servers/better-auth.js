// better-auth on Node's own HTTP server, by its own handler.
import { createServer } from 'node:http'
import { toNodeHandler } from 'better-auth/node'
import { createAuth } from './better-auth-setup.js'
import { address } from './common.js'

createServer(toNodeHandler(createAuth())).listen(address)
