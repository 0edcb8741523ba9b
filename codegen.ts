import type { CodegenConfig } from '@graphql-codegen/cli'

/** Types from `schema.graphql`, of the resolvers and of the console's operations: `npm run generate` writes them, `npm run generate:check` compares. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  generates: {
    'src/graphql/schema-types.ts': {
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        enumType: 'string-literal',
        enumsAsTypes: true,
        useTypeImports: true,
        scalars: { DateTime: { input: 'number', output: 'number' }, ID: 'string' },
        contextType: './context.ts#LatchkeyContext',
        mappers: {
          User: '../auth/principal.ts#User as UserModel',
          Token: '../auth/principal.ts#Token as TokenModel',
          TokenConnection: '../auth/devices.ts#TokenPage',
          UserConnection: '../auth/administration.ts#UserPage',
          AuditEvent: '../auth/audit-log.ts#AuditEvent as AuditEventModel',
          AuditEventConnection: '../auth/audit-log.ts#AuditPage',
        },
        avoidOptionals: { field: true, inputValue: false, object: true },
        optionalResolveType: true,
      },
    },
    'web/console/api/operations.ts': {
      documents: 'web/console/**/*.graphql',
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        enumType: 'string-literal',
        enumsAsTypes: true,
        useTypeImports: true,
        skipTypename: true,
        dedupeFragments: true,
        scalars: { DateTime: 'string', ID: 'string' },
      },
    },
  },
}

export default config
