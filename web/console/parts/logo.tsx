/** The key and the name. */
export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" />
        <g>
          <circle cx="11.5" cy="16" r="4.7" />
          <path d="M16.2 16H26M22 16v3.6M26 16v2.8" />
        </g>
      </svg>
      Latchkey
    </span>
  )
}
