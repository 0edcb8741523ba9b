import { type FastifyServerOptions, LogController } from 'fastify'

/** Who the servers without authentication answer is signed in. */
export const user = { id: '01a207a2-3280-7677-9907-abf09be98ced', username: 'user500' }

/** Logs as Latchkey does: at `info`, one line per request, with as many fields. */
export const logOneLine: FastifyServerOptions = {
  logger: { level: 'info' },
  logController: new (class extends LogController {
    override incomingRequest(): void {}
    override requestCompleted(...[, request, reply]: Parameters<LogController['requestCompleted']>): void {
      const { statusCode: status, elapsedTime: durationMs } = reply
      request.log.info(
        {
          operation: null,
          userId: user.id,
          tokenId: user.id,
          address: request.ip,
          status,
          outcome: 'OK',
          durationMs,
        },
        'request',
      )
    }
  })(),
}
