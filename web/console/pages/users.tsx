import { type ReactNode, useDeferredValue, useState } from 'react'
import { useQuery } from 'urql'
import {
  type NextPageFragment,
  type Role,
  UsersDocument,
  type UsersQueryVariables,
} from '../api/operations.ts'
import { Button } from '../parts/button.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { Icon } from '../parts/icon.tsx'
import { Page } from '../parts/page.tsx'
import { Pages } from '../parts/pages.tsx'
import { Empty, Skeleton, Trouble } from '../parts/states.tsx'
import { ago } from '../parts/time.ts'
import { Link } from '../router.tsx'
import { NewUser } from './users/new-user.tsx'

type State = 'any' | 'active' | 'disabled'

const states = [
  ['any', 'Active or disabled'],
  ['active', 'Active'],
  ['disabled', 'Disabled'],
] as const

const roles = [
  ['ANY', 'Any role'],
  ['USER', 'Users'],
  ['ADMIN', 'Administrators'],
] as const

/** All accounts, for administrators. */
export function UsersPage() {
  const [typed, setTyped] = useState('')
  const [state, setState] = useState<State>('any')
  const [role, setRole] = useState<Role | 'ANY'>('ANY')
  const [isMaking, setMaking] = useState(false)
  const search = useDeferredValue(typed.trim())
  const filter = {
    search: search === '' ? null : search,
    active: state === 'any' ? null : state === 'active',
    role: role === 'ANY' ? null : role,
  }

  return (
    <Page
      title="Users"
      about="Everybody with an account."
      actions={
        <Button kind="primary" onClick={() => setMaking(true)}>
          <Icon name="plus" />
          New user
        </Button>
      }
    >
      <search className="filters">
        <Field
          label="Search"
          type="search"
          placeholder="Beginning of a username or address"
          value={typed}
          onChange={setTyped}
          autoComplete="off"
          spellCheck={false}
        />
        <Choice label="State" value={state} onChange={setState} options={states} />
        <Choice label="Role" value={role} onChange={setRole} options={roles} />
      </search>
      {/* Another search is another list, from its first page on. */}
      <Pages key={JSON.stringify(filter)}>
        {(after, more) => <UserList variables={{ ...filter, first: 25, after }} more={more} />}
      </Pages>
      {isMaking && <NewUser onClose={() => setMaking(false)} />}
    </Page>
  )
}

function UserList({
  variables,
  more,
}: {
  variables: UsersQueryVariables
  more: (pageInfo: NextPageFragment) => ReactNode
}) {
  const [{ data, error }, again] = useQuery({ query: UsersDocument, variables, context: touchedByUsers })
  if (error && !data?.users) return <Trouble error={error} onRetry={again} />
  if (!data?.users) return <Skeleton rows={6} />
  const { nodes, pageInfo } = data.users
  if (nodes.length === 0 && variables.after === null && !pageInfo.hasNextPage) {
    return (
      <Empty icon="people" title="Nobody found">
        No account fits. Search for the beginning of a username or of an email address.
      </Empty>
    )
  }
  return (
    <>
      <ul className="rows">
        {nodes.map(({ id, username, email, role, active, lastSignInAt }) => (
          <li key={id}>
            <Link to="/user" query={`?id=${id}`} className="row-link">
              <span className="avatar" aria-hidden="true">
                {username.slice(0, 1).toUpperCase()}
              </span>
              <span className="row-body">
                <strong>{username}</strong>
                <span className="faint">{email ?? 'No email address'}</span>
              </span>
              <span className="row-end">
                {role === 'ADMIN' && <span className="badge accent">Administrator</span>}
                {active === false && <span className="badge bad">Disabled</span>}
                <span className="faint wide-only">
                  {lastSignInAt === null ? 'Never signed in' : `Signed in ${ago(lastSignInAt)}`}
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {more(pageInfo)}
    </>
  )
}

// An empty list has no user in it whose change could tell that it is out of date.
const touchedByUsers = { additionalTypenames: ['User'] }
