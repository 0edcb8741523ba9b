import { buildApp } from './app.ts'

const { DATABASE_FILE = 'data/notes.db', PORT = '4001', NODE_ENV } = process.env

const app = await buildApp({ databaseFile: DATABASE_FILE, production: NODE_ENV === 'production' })
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
