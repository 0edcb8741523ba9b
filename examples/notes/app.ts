import { readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance } from 'fastify'
// In an application of your own: from 'latchkey'.
import { latchkey } from '../../src/index.ts'
import { openDatabase } from './database.ts'
import { createResolvers, loaders } from './notes.ts'

/** The application: its notes and its REST route, with the users and tokens of Latchkey. */
export async function buildApp(options: {
  databaseFile: string
  production: boolean
}): Promise<FastifyInstance> {
  const app = Fastify({ logger: true })
  const db = await openDatabase(options.databaseFile)
  app.addHook('onClose', () => db.destroy())

  await app.register(latchkey, {
    database: db,
    production: options.production,
    schema: readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'),
    resolvers: createResolvers(db),
    loaders,
  })

  // A route that is no GraphQL knows the user as well.
  app.get('/notes.txt', { preHandler: app.latchkey.preHandler }, async (request) => {
    const { user } = app.latchkey.requireUser(request)
    const notes = await db.selectFrom('notes').select('text').where('user_id', '=', user.id).execute()
    return notes.map(({ text }) => `${text}\n`).join('')
  })
  return app
}
