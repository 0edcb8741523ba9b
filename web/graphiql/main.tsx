import 'graphiql/setup-workers/vite'
import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './style.css'
import { GraphiQL } from 'graphiql'
import { createRoot } from 'react-dom/client'
import { headersExample, signInExample, viewerExample } from './examples.ts'
import { createFetcher } from './fetcher.ts'
import { createStorage, hasTabs, keepsHeaders } from './storage.ts'

const endpoint =
  document.querySelector<HTMLMetaElement>('meta[name="latchkey-endpoint"]')?.content ?? '/graphql'
const storage = createStorage(localStorage)
// GraphiQL opens its first tab with these and not with the tab's own; on later visits it brings back what was there.
const firstTab = hasTabs(storage)
  ? {}
  : { initialVariables: signInExample.variables, initialHeaders: signInExample.headers }

const page = document.getElementById('graphiql')
if (page === null) throw new Error('index.html has no element #graphiql')
createRoot(page).render(
  <GraphiQL
    fetcher={createFetcher(endpoint)}
    storage={storage}
    defaultTabs={[signInExample, viewerExample]}
    defaultHeaders={headersExample}
    defaultEditorToolsVisibility={true}
    isHeadersEditorEnabled={true}
    shouldPersistHeaders={keepsHeaders(storage)}
    showPersistHeadersSettings={true}
    {...firstTab}
  >
    <GraphiQL.Logo>Latchkey</GraphiQL.Logo>
  </GraphiQL>,
)
