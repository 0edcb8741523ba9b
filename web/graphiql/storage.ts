/** What GraphiQL asks of a store. */
export type GraphiqlStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'clear' | 'length'>

/**
 * GraphiQL's storage without secrets. GraphiQL keeps tabs and a history between visits, with the password of a sign-in
 * among the variables, and with the headers in the history even where the user has not chosen to keep them. Here the
 * text of every name that ends in `password` is stored empty, and the history has no headers.
 */
export function createStorage(store: Storage): GraphiqlStorage {
  return {
    getItem: (key) => store.getItem(key),
    setItem: (key, value) => store.setItem(key, withoutSecrets(key, value)),
    removeItem: (key) => store.removeItem(key),
    // The other pages of the origin keep what they have stored.
    clear() {
      for (const key of graphiqlKeys(store)) store.removeItem(key)
    },
    get length() {
      return graphiqlKeys(store).length
    },
  }
}

/** Whether the user has chosen, in GraphiQL's settings, to keep the headers of the tabs between visits. */
export function keepsHeaders(storage: GraphiqlStorage): boolean {
  return storage.getItem('graphiql:shouldPersistHeaders') === 'true'
}

/** Whether GraphiQL has been here before and will bring back its tabs. */
export function hasTabs(storage: GraphiqlStorage): boolean {
  return storage.getItem('graphiql:tabState') !== null
}

const PASSWORDS = /(password"?\s*:\s*(?:[\w![\]]+\s*=\s*)?)(?:"""[\s\S]*?(?:"""|$)|"(?:[^"\\\n]|\\.)*"?)/gi

function withoutSecrets(key: string, value: string): string {
  switch (key) {
    case 'graphiql:query':
    case 'graphiql:variables':
      return withoutPasswords(value)
    case 'graphiql:tabState':
      return rewrite(value, ['query', 'variables'], withoutPasswords)
    case 'graphiql:queries':
    case 'graphiql:favorites':
      return rewrite(rewrite(value, ['query', 'variables'], withoutPasswords), ['headers'], () => '')
    default:
      return value
  }
}

function withoutPasswords(text: string): string {
  return text.replace(PASSWORDS, '$1""')
}

function rewrite(json: string, names: string[], change: (text: string) => string): string {
  return JSON.stringify(JSON.parse(json), (name, value) =>
    names.includes(name) && typeof value === 'string' ? change(value) : value,
  )
}

function graphiqlKeys(store: Storage): string[] {
  return Object.keys(store).filter((key) => key.startsWith('graphiql:'))
}
