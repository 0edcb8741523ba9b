import { type Role, SetUserActiveDocument, SetUserRoleDocument } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { ConfirmDialog } from '../../parts/dialog.tsx'
import { Section } from '../../parts/page.tsx'
import { useSay } from '../../parts/toasts.tsx'
import { Asking } from './asking.tsx'
import type { User } from './user.ts'

/** What a user may do. */
export function UserRights({ user }: { user: User }) {
  return (
    <Section title="Rights" about="What this user may do. It counts from the next request on.">
      <RoleButton user={user} />
      <ActiveButton user={user} />
    </Section>
  )
}

function RoleButton({ user: { id, username, role } }: { user: User }) {
  const action = useAction(SetUserRoleDocument)
  const say = useSay()
  const next: Role = role === 'ADMIN' ? 'USER' : 'ADMIN'
  return (
    <Asking label={next === 'ADMIN' ? 'Make an administrator' : 'Take the administrator’s role'}>
      {(close) => (
        <ConfirmDialog
          title={
            next === 'ADMIN' ? `Make ${username} an administrator?` : `Make ${username} an ordinary user?`
          }
          confirm={next === 'ADMIN' ? 'Make an administrator' : 'Take the role'}
          action={action}
          variables={{ id, role: next }}
          onClose={close}
          onDone={() => {
            say(next === 'ADMIN' ? `${username} is an administrator.` : `${username} is an ordinary user.`)
            close()
          }}
        >
          <p>
            {next === 'ADMIN'
              ? 'An administrator sees and changes every account, yours included.'
              : 'Looking after other accounts is over at once; the own account stays.'}
          </p>
        </ConfirmDialog>
      )}
    </Asking>
  )
}

function ActiveButton({ user: { id, username, active } }: { user: User }) {
  const action = useAction(SetUserActiveDocument, ['Token'])
  const say = useSay()
  const next = active === false
  return (
    <Asking
      label={next ? 'Enable account' : 'Disable account'}
      {...(next ? {} : { kind: 'danger' as const })}
    >
      {(close) => (
        <ConfirmDialog
          title={next ? `Enable ${username}?` : `Disable ${username}?`}
          confirm={next ? 'Enable account' : 'Disable account'}
          action={action}
          variables={{ id, active: next }}
          onClose={close}
          onDone={() => {
            say(next ? `${username} may sign in again.` : `${username} is disabled.`)
            close()
          }}
        >
          <p>
            {next
              ? 'Signing in works again. Devices that were signed out have to sign in anew.'
              : 'Every device is signed out at once, and nobody can sign in until the account is enabled again.'}
          </p>
        </ConfirmDialog>
      )}
    </Asking>
  )
}
