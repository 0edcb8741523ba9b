import type { Question } from './question.ts'

/** What authentication costs a request: the signed-in viewer, against the same without it. */
export const viewer: Question = {
  title: 'What does authentication cost? `{ viewer { id username } }` with 1,000 tokens in turn',
  subject: 'Latchkey, viewer with a token',
  servers: ['latchkey', 'mercurius', 'fastify'],
  variants: [
    {
      name: 'Latchkey, viewer with a token',
      server: 'latchkey',
      query: '{ viewer { id username } }',
      signedIn: true,
      expected: '"viewer":{"id":"',
    },
    {
      name: 'Latchkey, public field',
      server: 'latchkey',
      query: '{ serverInfo { name version } }',
      expected: '"serverInfo":{"name":"latchkey"',
    },
    {
      name: 'Mercurius with JIT, no authentication',
      server: 'mercurius',
      query: '{ viewer { id username } }',
      expected: '"viewer":{"id":"',
    },
    {
      name: 'bare Fastify route',
      server: 'fastify',
      query: '{ viewer { id username } }',
      expected: '"viewer":{"id":"',
    },
  ],
}
