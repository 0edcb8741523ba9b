import { RevokeUserTokensDocument, type TokenCardFragment } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { ConfirmDialog } from '../../parts/dialog.tsx'
import { Section } from '../../parts/page.tsx'
import { Empty } from '../../parts/states.tsx'
import { useSay } from '../../parts/toasts.tsx'
import { TokenCard } from '../../parts/token-card.tsx'
import { Asking } from './asking.tsx'
import type { User } from './user.ts'

/** Where a user is signed in, and how to end it. */
export function UserTokens({ user }: { user: User }) {
  const { nodes = [], totalCount = 0 } = user.tokens ?? {}
  return (
    <Section title="Devices and tokens" about="Where this user is signed in.">
      {nodes.length === 0 ? (
        <Empty icon="devices" title="Signed in nowhere">
          There is no device and no token.
        </Empty>
      ) : (
        <>
          <ul className="cards">
            {nodes.map((token) => (
              <TokenCard key={token.id} token={token} heading="h3">
                <RevokeToken user={user} token={token} />
              </TokenCard>
            ))}
          </ul>
          <RevokeTokens user={user} count={totalCount} />
        </>
      )}
    </Section>
  )
}

function RevokeToken({ user: { id, username }, token }: { user: User; token: TokenCardFragment }) {
  const action = useAction(RevokeUserTokensDocument, ['Token'])
  const say = useSay()
  const verb = token.kind === 'DEVICE' ? 'Sign out' : 'Revoke'
  return (
    <Asking label={verb} name={`${verb} ${token.name}`}>
      {(close) => (
        <ConfirmDialog
          title={`${verb} “${token.name}” of ${username}?`}
          confirm={verb}
          action={action}
          variables={{ id, tokenId: token.id }}
          onClose={close}
          onDone={() => {
            say(`“${token.name}” is ${token.kind === 'DEVICE' ? 'signed out' : 'revoked'}.`)
            close()
          }}
        >
          <p>It stops working at once. This cannot be taken back.</p>
        </ConfirmDialog>
      )}
    </Asking>
  )
}

function RevokeTokens({ user: { id, username }, count }: { user: User; count: number }) {
  const action = useAction(RevokeUserTokensDocument, ['Token'])
  const say = useSay()
  return (
    <Asking label="Sign out everywhere">
      {(close) => (
        <ConfirmDialog
          title={`Sign ${username} out everywhere?`}
          confirm="Sign out everywhere"
          action={action}
          variables={{ id }}
          onClose={close}
          onDone={() => {
            say(`${username} is signed out everywhere.`)
            close()
          }}
        >
          <p>
            {count === 1 ? 'The one device or token' : `All ${count} devices and tokens`} of {username} stop
            working at once. This cannot be taken back.
          </p>
        </ConfirmDialog>
      )}
    </Asking>
  )
}
