-- Where the failures of a lane are counted: in one network, in all networks, or in a browser of the member's own. A browser's lane that is
-- full is never written to again, so those of before count as such until they are.
ALTER TABLE waits ADD COLUMN kind TEXT NOT NULL DEFAULT 'browser';
