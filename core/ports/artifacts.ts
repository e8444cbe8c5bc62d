/** Where the bytes are, what they are, how many they are. Everything large travels as one of these. */
export interface ArtifactRef {
  /** For people and for the store that made it; identity is `sha256` alone. */
  readonly uri: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Content-addressed store. Putting the same bytes twice gives the same reference and one copy. */
export interface Artifacts {
  put(bytes: Uint8Array): Promise<ArtifactRef>;
  /**
   * Copies a file that lives elsewhere (`file:///…` at least) into the store.
   * @throws OrreryError DATA_UNREADABLE when it cannot be read, DISK_FULL
   */
  import(uri: string): Promise<ArtifactRef>;
  /** @throws OrreryError ARTIFACT_MISSING, ARTIFACT_CORRUPT when the digest differs */
  read(ref: ArtifactRef): Promise<Uint8Array>;
  /** Whether the store holds these bytes; it does not read them. */
  has(ref: ArtifactRef): Promise<boolean>;
}
