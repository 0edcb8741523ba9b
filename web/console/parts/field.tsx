import { type InputHTMLAttributes, type ReactNode, useId, useState } from 'react'
import { Icon } from './icon.tsx'

interface FieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  hint?: ReactNode
  /** What is wrong with the value. */
  problem?: string | null | undefined
}

type Rest = Omit<InputHTMLAttributes<HTMLInputElement>, keyof FieldProps>

/** A field of a form with its label, a hint, and what is wrong with it. */
export function Field({ label, value, onChange, hint, problem, ...rest }: FieldProps & Rest) {
  return (
    <Labelled label={label} hint={hint} problem={problem}>
      {(described) => (
        <input {...rest} {...described} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </Labelled>
  )
}

/** A field for a password, which can be shown. */
export function PasswordField({ label, value, onChange, hint, problem, ...rest }: FieldProps & Rest) {
  const [isShown, setShown] = useState(false)
  return (
    <Labelled label={label} hint={hint} problem={problem}>
      {(described) => (
        <span className="password">
          <input
            required
            {...rest}
            {...described}
            type={isShown ? 'text' : 'password'}
            spellCheck={false}
            autoCapitalize="none"
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <button
            type="button"
            className="reveal"
            aria-pressed={isShown}
            aria-label={`Show ${label.toLowerCase()}`}
            onClick={() => setShown(!isShown)}
          >
            <Icon name={isShown ? 'eye-off' : 'eye'} />
          </button>
        </span>
      )}
    </Labelled>
  )
}

/** A choice among a few. */
export function Choice<Value extends string>({
  label,
  value,
  onChange,
  options,
  hint,
}: {
  label: string
  value: Value
  onChange: (value: Value) => void
  options: readonly (readonly [value: Value, text: string])[]
  hint?: ReactNode
}) {
  return (
    <Labelled label={label} hint={hint}>
      {(described) => (
        <span className="select">
          <select {...described} value={value} onChange={(event) => onChange(event.target.value as Value)}>
            {options.map(([option, text]) => (
              <option key={option} value={option}>
                {text}
              </option>
            ))}
          </select>
          <Icon name="chevron" />
        </span>
      )}
    </Labelled>
  )
}

function Labelled({
  label,
  hint,
  problem,
  children,
}: Pick<FieldProps, 'label' | 'hint' | 'problem'> & {
  children: (described: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode
}) {
  const id = useId()
  const notes = [hint ? `${id}-hint` : '', problem ? `${id}-problem` : ''].filter((note) => note !== '')
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        ...(notes.length > 0 ? { 'aria-describedby': notes.join(' ') } : {}),
        ...(problem ? { 'aria-invalid': true as const } : {}),
      })}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <p className="problem" id={`${id}-problem`} role="alert">
        {problem}
      </p>
    </div>
  )
}
