-- A keyed hash of the form cookie of the browser that guessed; empty, where it had none. Whoever gets in takes out what the same browser guessed.
ALTER TABLE guesses ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE guesses DROP CONSTRAINT guesses_pkey, ADD PRIMARY KEY (scope, typed, browser);
