import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { generate } from '@graphql-codegen/cli'
import {
  buildASTSchema,
  buildClientSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  parse,
  printSchema,
  validate,
} from 'graphql'
import t from 'tap'
import { createBench } from '../cli/command.ts'
import { startApp } from '../support/app.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const operations = join(repository, 'examples/mobile/operations.graphql')

/** The two files that generators of mobile clients take, as `latchkey schema print` writes them. */
async function printSchemas(t: Parameters<typeof createBench>[0]): Promise<{ sdl: string; json: string }> {
  const { run } = createBench(t)
  const [sdl, json] = [await run(['schema', 'print']), await run(['schema', 'print', '--json'])]
  t.same([sdl.status, json.status], [0, 0])
  return { sdl: sdl.stdout, json: json.stdout }
}

t.test('the introspection is that of the SDL', async (t) => {
  const { sdl, json } = await printSchemas(t)
  const fromSdl = printSchema(buildASTSchema(parse(sdl)))
  t.equal(printSchema(buildClientSchema(JSON.parse(json))), fromSdl)
  t.same(validate(buildASTSchema(parse(sdl)), parse(readFileSync(operations, 'utf8'))), [])
})

t.test('the client preset of graphql-codegen makes types of both that a strict compiler takes', async (t) => {
  const { sdl, json } = await printSchemas(t)
  const folder = t.testdir({ 'schema.graphql': sdl, 'schema.json': json })
  for (const schema of ['schema.graphql', 'schema.json']) {
    const output = join(folder, schema.replace('.', '-'))
    await generate(
      {
        schema: join(folder, schema),
        documents: operations,
        silent: true,
        generates: {
          [`${output}/`]: {
            preset: 'client',
            config: { strictScalars: true, scalars: { DateTime: 'string' }, useTypeImports: true },
          },
        },
      },
      true,
    )
    writeFileSync(join(output, 'use.ts'), use)
    const compiler = join(repository, 'node_modules/typescript/bin/tsc')
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--target',
      'es2022',
    ]
    const run = promisify(execFile)(process.execPath, [compiler, ...options, join(output, 'use.ts')])
    const { stdout } = await run.catch((failure: { stdout: string }) => failure)
    t.equal(stdout, '', schema)
  }
})

/** What an application does with the generated types. */
const use = `
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core'
import { DevicesDocument, RotateTokenDocument, SignInDocument } from './graphql'

export const request: VariablesOf<typeof SignInDocument> = { username: 'ada', password: 'secret', device: { id: '1' } }
export const token = (data: ResultOf<typeof RotateTokenDocument>): string | undefined => data.rotateToken?.token
export const names = (data: ResultOf<typeof DevicesDocument>): string[] => data.viewer?.tokens?.nodes.map((node) => node.name) ?? []
// @ts-expect-error: the password is needed
export const wrong: VariablesOf<typeof SignInDocument> = { username: 'ada' }
`

t.test('no name is one that Apollo Kotlin or Apollo iOS cannot take', async (t) => {
  const { sdl } = await printSchemas(t)
  const types = Object.values(buildASTSchema(parse(sdl)).getTypeMap()).filter(
    ({ name }) => !name.startsWith('__'),
  )
  const folded = types.map(({ name }) => name.toLowerCase())
  t.equal(
    new Set(folded).size,
    folded.length,
    'files of types are told apart where letter case does not count',
  )
  const own = types.filter(({ astNode }) => astNode)
  for (const { name } of own) {
    t.notOk(swiftTypes.has(name), name)
    t.match(name, /^[A-Z]/, 'a model is told from a field')
  }
  for (const [type, name] of own.flatMap(namesIn)) {
    const where = `${type.name}.${name}`
    if (isEnumType(type)) {
      t.match(name, /^[A-Z][A-Z0-9_]*$/, where)
      t.notMatch(name, /^(name|ordinal|type|Companion)_*$/, where)
    } else {
      t.match(name, /^[a-z][A-Za-z0-9]*$/, where)
      t.notOk(['fragments', 'self', 'latchkeyAPI'].includes(name), where)
    }
  }
})

/** Types of Swift and of Apollo iOS that its generator would have to rename. */
const swiftTypes = new Set(
  'Any DataDict DocumentType Fragments FragmentContainer ParentType Protocol Schema Selection Self String Bool Int Float Double ID Type Error Actor'.split(
    ' ',
  ),
)

function namesIn(type: GraphQLNamedType): [GraphQLNamedType, string][] {
  if (isEnumType(type)) return type.getValues().map(({ name }) => [type, name])
  if (isInputObjectType(type)) return Object.keys(type.getFields()).map((name) => [type, name])
  if (!isObjectType(type) && !isInterfaceType(type)) return []
  const fields = Object.values(type.getFields())
  return fields.flatMap(({ name, args }) =>
    [name, ...args.map((arg) => arg.name)].map((each): [GraphQLNamedType, string] => [type, each]),
  )
}

t.test('what the mobile clients send is answered as the guide says', async (t) => {
  const { createUser, signIn, graphql } = await startApp(t)
  const accepts = [
    'multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json', // Apollo Kotlin
    'multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json', // Apollo iOS
  ]
  const token = await signIn(await createUser())
  for (const accept of accepts) {
    t.match(await graphql('{ viewer { username } }', null, { token, accept }), { status: 200 })
    const refused = await graphql('{ viewer { username } }', null, { token: 'lk_unknown', accept })
    t.equal(refused.status, 401)
    t.match(refused.headers['content-type'], 'application/graphql-response+json')
    t.match(refused.body.errors, [{ extensions: { code: 'UNAUTHENTICATED', reason: 'INVALID' } }])
  }
})
