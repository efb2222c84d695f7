-- Searches that row-level security would keep from their index: only leakproof operators
-- reach one under a policy, and @@, @>, LIKE and regex are not (DESIGN §4). Each function
-- runs as sapa_system, takes the tenant from the transaction's setting and nothing else,
-- and has a fixed search_path. All such functions live in this file.

CREATE OR REPLACE FUNCTION search_contacts(
    query text, before_id uuid, max_rows integer, any_tags uuid[] DEFAULT NULL, from_source text DEFAULT NULL
)
RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT c.id FROM contacts c
    WHERE c.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
      AND c.deleted_at IS NULL
      AND c.search_vector @@ to_tsquery('simple', query)
      AND (before_id IS NULL OR c.id < before_id)
      AND (from_source IS NULL OR c.source = from_source)
      AND (any_tags IS NULL OR EXISTS (
          SELECT 1 FROM contact_tags t
          WHERE t.tenant_id = c.tenant_id AND t.contact_id = c.id AND t.tag_id = ANY (any_tags)))
    ORDER BY c.id DESC
    LIMIT max_rows
$$;
