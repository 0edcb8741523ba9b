import { type ReactNode, useState } from 'react'
import { useQuery } from 'urql'
import {
  type NextPageFragment,
  RevokeTokenDocument,
  type TokenCardFragment,
  TokensDocument,
} from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { Button } from '../../parts/button.tsx'
import { ConfirmDialog } from '../../parts/dialog.tsx'
import { RenameDialog } from '../../parts/rename-dialog.tsx'
import { Empty, Skeleton, Trouble } from '../../parts/states.tsx'
import { useSay } from '../../parts/toasts.tsx'
import { TokenCard } from '../../parts/token-card.tsx'

/** A page of the tokens that are no devices. */
export function TokenList({
  after,
  more,
}: {
  after: string | null
  more: (pageInfo: NextPageFragment) => ReactNode
}) {
  const [{ data, error }, again] = useQuery({ query: TokensDocument, variables: { first: 100, after } })
  const [renaming, setRenaming] = useState<TokenCardFragment | null>(null)
  const [ending, setEnding] = useState<TokenCardFragment | null>(null)
  const list = data?.viewer?.tokens
  if (error && !list) return <Trouble error={error} onRetry={again} />
  if (!list) return <Skeleton />

  const tokens = list.nodes.filter(({ kind }) => kind !== 'DEVICE')
  if (tokens.length === 0 && after === null && !list.pageInfo.hasNextPage) {
    return (
      <Empty icon="key" title="No personal tokens yet">
        Make one for a script, a deployment or anything else that has no password of yours.
      </Empty>
    )
  }
  return (
    <>
      <ul className="cards">
        {tokens.map((token) => (
          <TokenCard key={token.id} token={token}>
            <Button kind="quiet" onClick={() => setRenaming(token)} aria-label={`Rename ${token.name}`}>
              Rename
            </Button>
            <Button onClick={() => setEnding(token)} aria-label={`Revoke ${token.name}`}>
              Revoke
            </Button>
          </TokenCard>
        ))}
      </ul>
      {more(list.pageInfo)}
      {renaming && <RenameDialog token={renaming} onClose={() => setRenaming(null)} />}
      {ending && <RevokeDialog token={ending} onClose={() => setEnding(null)} />}
    </>
  )
}

function RevokeDialog({ token, onClose }: { token: TokenCardFragment; onClose: () => void }) {
  const action = useAction(RevokeTokenDocument, ['Token'])
  const say = useSay()
  return (
    <ConfirmDialog
      title={`Revoke “${token.name}”?`}
      confirm="Revoke"
      action={action}
      variables={{ id: token.id }}
      onClose={onClose}
      onDone={() => {
        say(`“${token.name}” is revoked.`)
        onClose()
      }}
    >
      <p>Whatever uses it stops working at once. This cannot be taken back; make a new token instead.</p>
    </ConfirmDialog>
  )
}
