/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory compression: the stage-2 side.
 *
 * A page of RAM is in one of three states, told by its level 3 descriptor
 * (DDI 0487, D8.3: when bit 0 is 0 the CPU ignores all others):
 *
 *  63   59 58  55 54   53  52 51  48 47     12 11       2  1   0
 * +-------+------+----+------+------+---------+----------+---+---+
 * | sbz   | type | xn ...    | sbz  |   mfn   |  attrs   | 1 | V | RAM
 * +-------+------+-----------+------+---------+----------+---+---+
 * | tag   | type |     tag          |   mfn   |   tag    | 1 | 0 | COMPRESSING
 * +-------+------+----+------+------+---------+----------+---+---+
 * |  0    | type | B  | kind |    payload (50 bits)       | 1 | 0 | COMPRESSED
 * +-------+------+----+------+----------------------------+---+---+
 *
 * COMPRESSING  The frame is still the domain's.  The tag makes the descriptor
 *              different from that of any earlier nomination of the same
 *              page, so that finding it unchanged at commit means that nobody
 *              has been at the page since it was read.
 * COMPRESSED   There is no frame.  Kind and payload say what the content is.
 *              B(USY) says that somebody is bringing it back, or looking at
 *              it.  It pins an object of the store: only who has set the bit
 *              frees the object or clears the bit.  If the descriptor goes
 *              away under him, he finds that out and frees it all the same.
 *
 * Who may change what:
 *  - with the p2m lock held for write: everything;
 *  - with it held for read: by cmpxchg, COMPRESSING to RAM (cancel), setting
 *    BUSY, and the access flag; who has set BUSY, COMPRESSED | BUSY to
 *    COMPRESSED or RAM, by a plain write, for no other reader touches it.
 */
#include <xen/domain_page.h>
#include <xen/llc-coloring.h>
#include <xen/mem_compress/arch.h>
#include <xen/mem_compress/handover.h>
#include <xen/mem_compress/inject.h>
#include <xen/sched.h>
#include <xen/xvmalloc.h>

#include <asm/flushtlb.h>
#include <asm/p2m.h>
#include <asm/page.h>

#define PTE_TABLE           (1ULL << 1)
#define PTE_TYPE(t)         ((uint64_t)(t) << 55)
#define PTE_BUSY            (1ULL << 54)
#define PTE_KIND_SHIFT      52
#define PTE_KIND_MASK       3ULL
#define PTE_PAYLOAD_SHIFT   2

/* Where a tag of 10 + 7 + 5 bits goes: [11:2], [54:48] and [63:59]. */
#define TAG_BITS            22

/* Tables that splitting leaves to others in the domain's p2m pool. */
#define P2M_POOL_FLOOR      32

static lpae_t tagged_entry(mfn_t mfn, uint32_t tag)
{
    uint64_t t = tag & ((1U << TAG_BITS) - 1);
    lpae_t e = {
        .bits = PTE_TABLE | PTE_TYPE(p2m_ram_compressing) |
                ((t & 0x3ff) << 2) | (((t >> 10) & 0x7f) << 48) |
                ((t >> 17) << 59),
    };

    lpae_set_mfn(e, mfn);

    return e;
}

static lpae_t ram_entry(const struct domain *d, const struct page_info *page)
{
    lpae_t e = { .bits = p2m_get_hostp2m(d)->compress->ram_pte };

    lpae_set_mfn(e, page_to_mfn(page));

    return e;
}

static lpae_t leaf_entry(const struct mc_leaf *leaf)
{
    ASSERT(!(leaf->payload >> MC_PAYLOAD_BITS));

    return (lpae_t){
        .bits = PTE_TABLE | PTE_TYPE(p2m_ram_compressed) |
                ((uint64_t)leaf->kind << PTE_KIND_SHIFT) |
                (leaf->payload << PTE_PAYLOAD_SHIFT),
    };
}

static void entry_leaf(lpae_t e, struct mc_leaf *leaf)
{
    leaf->kind = (e.bits >> PTE_KIND_SHIFT) & PTE_KIND_MASK;
    leaf->payload = (e.bits >> PTE_PAYLOAD_SHIFT) &
                    ((1ULL << MC_PAYLOAD_BITS) - 1);
}

int arch_mc_init(struct domain *d, struct mc_p2m *mc)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long last = mc->first_gfn + mc->nr_ages - 1;

    mc->first_table = mc->first_gfn >> XEN_PT_LPAE_SHIFT;
    mc->nr_tables = (last >> XEN_PT_LPAE_SHIFT) - mc->first_table + 1;
    mc->tables = mc_inject_failure() ? NULL
                                     : xvzalloc_array(void *, mc->nr_tables);
    /* The default access does not change: mem_access is refused. */
    mc->ram_pte = p2m_ram_entry(p2m, _mfn(0)).bits;
    if ( !mc->tables )
        return -ENOMEM;

    /* Nothing is in it before the domain is opted in. */
    p2m->compress = mc;

    return 0;
}

void arch_mc_destroy(struct domain *d, struct mc_p2m *mc)
{
    p2m_get_hostp2m(d)->compress = NULL;
    xvfree(mc->tables);
}

/* A table of the p2m is about to be freed, or out of reach. */
void p2m_compress_forget_tables(struct p2m_domain *p2m)
{
    struct mc_p2m *mc = p2m->compress;

    ASSERT(p2m_is_write_locked(p2m));

    if ( !mc || !mc->tables_known )
        return;

    memset(mc->tables, 0, mc->nr_tables * sizeof(*mc->tables));
    mc->tables_known = false;
}

/*
 * The level 3 descriptor of @gfn, or NULL if there is none.  Pages are only
 * ever compressed where their leaf is a page.
 *
 * With the p2m lock held, for read will do: the tree does not change then, so
 * what several CPUs may find, and write to mc->tables, at a time is the same.
 * As MEM_COMPRESS is for arm64 only, where all memory is mapped all the time,
 * nothing needs to be unmapped.
 */
static noinline lpae_t *walk_to_leaf(struct domain *d, gfn_t gfn)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    unsigned long i = (gfn_x(gfn) >> XEN_PT_LPAE_SHIFT) - mc->first_table;
    unsigned int idx = gfn_x(gfn) & XEN_PT_LPAE_ENTRY_MASK, level;
    lpae_t *entry;

    BUILD_BUG_ON(IS_ENABLED(CONFIG_ARCH_MAP_DOMAIN_PAGE));

    entry = p2m_map_leaf(p2m_get_hostp2m(d), gfn, &level, NULL);
    if ( !entry || level != 3 )
        return NULL;

    if ( i < mc->nr_tables )
    {
        ACCESS_ONCE(mc->tables[i]) = entry - idx;
        ACCESS_ONCE(mc->tables_known) = true;
    }

    return entry;
}

static always_inline lpae_t *page_leaf(struct domain *d, gfn_t gfn)
{
    const struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    unsigned long i = (gfn_x(gfn) >> XEN_PT_LPAE_SHIFT) - mc->first_table;
    lpae_t *table = i < mc->nr_tables ? ACCESS_ONCE(mc->tables[i]) : NULL;

    return likely(table) ? table + (gfn_x(gfn) & XEN_PT_LPAE_ENTRY_MASK)
                         : walk_to_leaf(d, gfn);
}

static bool cmpxchg_entry(lpae_t *entry, lpae_t from, lpae_t to)
{
    return cmpxchg(&entry->bits, from.bits, to.bits) == from.bits;
}

void arch_mc_lock(struct domain *d)
{
    p2m_write_lock(p2m_get_hostp2m(d));
}

void arch_mc_unlock(struct domain *d)
{
    p2m_write_unlock(p2m_get_hostp2m(d));
}

bool arch_mc_hw_af(void)
{
    return p2m_hw_access_flag;
}

int arch_mc_check_domain(const struct domain *d)
{
    if ( is_hardware_domain(d) || is_domain_direct_mapped(d) ||
         is_domain_using_staticmem(d) || is_iommu_enabled(d) ||
         llc_coloring_enabled || is_32bit_domain(d) ||
         p2m_get_hostp2m((struct domain *)d)->mem_access_enabled )
        return -EOPNOTSUPP;

    return 0;
}

void arch_mc_gfn_range(struct domain *d, unsigned long *first,
                       unsigned long *nr)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    p2m_read_lock(p2m);
    *first = gfn_x(p2m->lowest_mapped_gfn) &
             ~(unsigned long)XEN_PT_LPAE_ENTRY_MASK;
    *nr = gfn_x(p2m->max_mapped_gfn) + 1 - *first;
    p2m_read_unlock(p2m);
}

/*
 * A cache maintenance instruction on each line of a page.  It is ordered after
 * earlier accesses to the line by the same CPU (DDI 0487, D7.5.9.15), whatever
 * is to come after it has to wait for a DSB.
 */
#define FOR_EACH_LINE(va, insn) do {                                    \
    size_t line_ = dcache_line_bytes;                                   \
    const void *p_ = (va), *end_ = p_ + PAGE_SIZE;                      \
                                                                        \
    /* Lines of 16 bytes to 1 KiB; all that is known have 32 to 256. */ \
    do {                                                                \
        asm volatile ( insn : : "r" (p_) : "memory" );                  \
        p_ += line_;                                                    \
        asm volatile ( insn : : "r" (p_) : "memory" );                  \
        p_ += line_;                                                    \
        asm volatile ( insn : : "r" (p_) : "memory" );                  \
        p_ += line_;                                                    \
        asm volatile ( insn : : "r" (p_) : "memory" );                  \
        p_ += line_;                                                    \
    } while ( p_ < end_ );                                              \
} while ( 0 )

void arch_mc_clean_out(const void *va)
{
    /*
     * The guest may have written through a non-cacheable alias, and lines
     * fetched speculatively may be stale: look at what is in memory.
     */
    FOR_EACH_LINE(va, __clean_and_invalidate_dcache_one(0));
    dsb(sy);
    mc_handover_did(virt_to_page(va), MC_CLEANED_OUT);
}

void arch_mc_clean_in(const void *va)
{
    /* The guest may read, or fetch, with caches off: push it to PoC. */
    FOR_EACH_LINE(va, __clean_dcache_one(0));
    mc_handover_did(virt_to_page(va), MC_CLEANED_IN);
}

void arch_mc_clean_in_done(void)
{
    dsb(sy);
    invalidate_icache();
}

/*
 * A page is not COMPRESSING any more, but RAM.  Maintenance by set/way passes
 * over entries that are not valid, since nobody has written to such a page
 * since it was last cleaned (p2m_cache_flush_range()).  To this page somebody
 * may have: so it is cleaned.  Nobody writes to it now.
 */
static void clean_cancelled(mfn_t mfn)
{
    void *va = map_domain_page(mfn);

    arch_mc_clean_out(va);
    unmap_domain_page(va);
}

/* With the p2m lock held for write. */
static void make_resident(struct p2m_domain *p2m, lpae_t *entry,
                          bool accessed)
{
    mfn_t mfn = lpae_get_mfn(*entry);
    lpae_t pte = p2m_ram_entry(p2m, mfn);

    clean_cancelled(mfn);
    pte.p2m.af = accessed;
    /* Invalid to valid: no TLB to flush, but has to be seen by the walker. */
    write_pte(entry, pte);
}

/* Is the frame of a RAM leaf one that may be taken away? */
static bool page_eligible(const struct domain *d, const struct page_info *page)
{
    return page_get_owner(page) == d &&
           page->count_info == (PGC_allocated | 1);
}

/* Split the block at @gfn if there is one and the pool has room. */
static int split_block(struct domain *d, gfn_t gfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long shattered = p2m->stats.shattered[1] +
                              p2m->stats.shattered[2];
    unsigned int room = 0;
    struct page_info *pg;
    int rc;

    spin_lock(&d->arch.paging.lock);
    page_list_for_each ( pg, &d->arch.paging.p2m_freelist )
        if ( ++room > P2M_POOL_FLOOR )
            break;
    spin_unlock(&d->arch.paging.lock);

    if ( room <= P2M_POOL_FLOOR || mc_inject_failure() )
        return -ENOMEM;

    rc = p2m_split_to_page(p2m, gfn);
    if ( !rc )
    {
        shattered = p2m->stats.shattered[1] + p2m->stats.shattered[2] -
                    shattered;
        p2m->compress->table_pages += shattered;
        p2m->compress->splits += shattered;
    }

    return rc;
}

/* Is what maps @gfn a block of RAM? */
static bool is_ram_block(struct domain *d, gfn_t gfn)
{
    unsigned int level;
    const lpae_t *entry = p2m_map_leaf(p2m_get_hostp2m(d), gfn, &level, NULL);
    bool yes = entry && level < 3 && entry->p2m.type == p2m_ram_rw;

    if ( entry )
        unmap_domain_page(entry);

    return yes;
}

unsigned int arch_mc_residents(struct domain *d, gfn_t gfn, uint64_t *mask)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int i, nr = XEN_PT_LPAE_ENTRIES -
                         (gfn_x(gfn) & XEN_PT_LPAE_ENTRY_MASK);
    const lpae_t *entry;

    nr = min(nr, 64U);
    *mask = 0;

    p2m_read_lock(p2m);

    entry = page_leaf(d, gfn);
    if ( entry )
        for ( i = 0; i < nr; i++ )
        {
            lpae_t pte = { .bits = read_atomic(&entry[i].bits) };

            *mask |= (uint64_t)(pte.p2m.type == p2m_ram_rw) << i;
        }
    else if ( is_ram_block(d, gfn) )
        *mask = ~0ULL;

    p2m_read_unlock(p2m);

    return nr;
}

/* A compressed page is given up: its object goes, without being decoded. */
static void discard_leaf(struct domain *d, lpae_t *entry)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    const struct mc_leaf discarded = { .kind = MC_KIND_DISCARDED };
    struct mc_leaf leaf;

    /* Somebody is bringing it back, or looking at it: as it is, then. */
    if ( entry->bits & PTE_BUSY )
        return;

    entry_leaf(*entry, &leaf);
    if ( leaf.kind == MC_KIND_DISCARDED )
        return;

    write_atomic(&entry->bits, leaf_entry(&discarded).bits);
    mc->kinds[MC_KIND_DISCARDED]++;
    mc->kinds[leaf.kind]--;
    mc->dropped++;
    if ( leaf.kind == MC_KIND_OBJECT )
        mc_free_object(d, leaf.payload);
}

/* Has the domain room for what this page would be? */
static bool has_place(const struct domain *d, const struct page_info *page)
{
    const void *va = __map_domain_page(page);
    struct mc_leaf leaf;
    bool yes = mc_needs_no_store(d, va, &leaf);

    unmap_domain_page(va);

    return yes;
}

unsigned int arch_mc_nominate(struct domain *d, struct mc_page *p,
                              unsigned int nr, unsigned int max, bool discard)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int i;
    bool split = false, full = !discard && mc_store_is_full(d);

    p2m_write_lock(p2m);

    /* One block: that takes as long as nominating all the rest. */
    for ( i = 0; i < nr && max && !split; i++ )
    {
        const uint8_t *age = mc_age_of(mc, p[i].gfn);
        lpae_t *entry, pte;
        struct page_info *page;

        p[i].page = NULL;

        /* Once more: it may have been excluded since it was chosen. */
        if ( !age || mc_age_excluded(*age) )
            continue;

        entry = page_leaf(d, p[i].gfn);
        if ( !entry )
        {
            if ( !is_ram_block(d, p[i].gfn) )
                continue;
            split = true;
            if ( split_block(d, p[i].gfn) )
                continue;
            entry = page_leaf(d, p[i].gfn);
            if ( !entry )
                continue;
        }

        pte = *entry;
        if ( discard && pte.p2m.type == p2m_ram_compressed && !mc->off )
        {
            discard_leaf(d, entry);
            continue;
        }
        if ( pte.p2m.type != p2m_ram_rw || !mfn_valid(lpae_get_mfn(pte)) )
            continue;

        page = mfn_to_page(lpae_get_mfn(pte));
        if ( !page_eligible(d, page) || (full && !has_place(d, page)) ||
             !get_page(page, d) )
            continue;

        mc_handover_over(page);
        p[i].page = page;
        p[i].accessed = pte.p2m.af;
        p[i].pte = tagged_entry(lpae_get_mfn(pte), ++mc->tag).bits;

        /* The flush below has the barrier for all of them. */
        write_atomic(&entry->bits, p[i].pte);
        p2m->need_flush |= lpae_is_valid(pte);
        mc->nominated++;
        mc->compressing++;
        max--;
    }

    mc->flushes += p2m->need_flush;

    /*
     * One flush for the batch, and nobody reads a page before it: afterwards
     * no CPU can write to any of them without taking a fault.
     */
    p2m_write_unlock(p2m);

    for ( nr = 0; nr < i; nr++ )
        if ( p[nr].page )
            mc_handover_did(p[nr].page, MC_FLUSHED);

    return i;
}

/* Whatever becomes of it: the page is not COMPRESSING any more. */
static void leave_compressing(struct domain *d)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;

    ASSERT(mc->compressing);
    mc->compressing--;
}

int arch_mc_commit(struct domain *d, const struct mc_page *p,
                   const struct mc_leaf *leaf)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    lpae_t *entry;
    uint8_t *age;
    int rc = 0;

    p2m_write_lock(p2m);
    leave_compressing(d);

    entry = page_leaf(d, p->gfn);
    if ( !entry || entry->bits != p->pte )
        rc = -EAGAIN;
    /* Once it was switched off, what has been restored is to stay. */
    else if ( mc->off )
    {
        make_resident(p2m, entry, true);
        rc = -EOPNOTSUPP;
    }
    /* Here, where nobody else can be: a quota is no estimate. */
    else if ( mc->max_compressed && leaf->kind != MC_KIND_DISCARDED &&
              mc_compressed(mc) >= mc->max_compressed )
    {
        make_resident(p2m, entry, true);
        rc = -ENOSPC;
    }
    /*
     * Freeze: with the two references known of (ours, and that of the
     * allocation) replaced by none, nobody can take another any more.
     */
    else if ( mc_inject() ||
              cmpxchg(&p->page->count_info, PGC_allocated | 2,
                      0) != (PGC_allocated | 2) )
    {
        make_resident(p2m, entry, true);
        mc->freeze_failed++;
        rc = -EBUSY;
    }
    else
    {
        if ( leaf->kind != MC_KIND_DISCARDED )
            mc_handover_assert(p->page, MC_CLEANED_OUT);
        write_atomic(&entry->bits, leaf_entry(leaf).bits);
        mc->kinds[leaf->kind]++;
        mc->committed++;
        /* From here on the age counts sweeps since compression. */
        age = mc_age_of(mc, p->gfn);
        if ( age )
        {
            uint32_t *as_old = &mc->ages_now.n[mc_age_to_take(*age)];

            *as_old -= !!*as_old;
            *age = mc_age_touch(mc_age_accept(*age));
        }
        mc_frame_detach(d, p->page);
    }

    p2m_write_unlock(p2m);

    if ( rc )
        put_page(p->page);

    return rc;
}

/* The descriptor of a nominated page is as it was, if it still is ours. */
static void cancel(struct domain *d, const struct mc_page *p, bool accessed)
{
    lpae_t *entry = page_leaf(d, p->gfn);

    leave_compressing(d);

    if ( entry && entry->bits == p->pte )
        make_resident(p2m_get_hostp2m(d), entry, accessed);
}

void arch_mc_cancel(struct domain *d, const struct mc_page *p, bool accessed)
{
    arch_mc_lock(d);
    cancel(d, p, accessed);
    arch_mc_unlock(d);

    put_page(p->page);
}

void arch_mc_undo(struct domain *d, const struct mc_page *p, unsigned int nr)
{
    unsigned int i;

    arch_mc_lock(d);
    for ( i = 0; i < nr; i++ )
        if ( p[i].page )
        {
            cancel(d, &p[i], p[i].accessed);
            p2m_get_hostp2m(d)->compress->nominated--;
        }
    arch_mc_unlock(d);

    for ( i = 0; i < nr; i++ )
        if ( p[i].page )
            put_page(p[i].page);
}

/* Find out what is at @entry; COMPRESSED becomes BUSY. */
static enum mc_found begin_restore(struct p2m_domain *p2m, lpae_t *entry,
                                   struct mc_leaf *leaf)
{
    lpae_t pte;

    for ( ; ; )
    {
        pte.bits = read_atomic(&entry->bits);

        if ( likely(pte.p2m.type == p2m_ram_compressed) )
        {
            if ( pte.bits & PTE_BUSY )
                return MC_FOUND_BUSY;

            if ( !cmpxchg_entry(entry, pte,
                                (lpae_t){ .bits = pte.bits | PTE_BUSY }) )
                continue;

            entry_leaf(pte, leaf);
            return MC_FOUND_LEAF;
        }

        if ( pte.p2m.type != p2m_ram_compressing )
            return MC_FOUND_NOTHING;

        /* Still there: who wants to compress it finds out at commit. */
        clean_cancelled(lpae_get_mfn(pte));
        if ( cmpxchg_entry(entry, pte,
                           p2m_ram_entry(p2m, lpae_get_mfn(pte))) )
        {
            dsb(ishst);
            return MC_FOUND_CANCELLED;
        }
    }
}

void arch_mc_begin_restore(struct domain *d, struct mc_out *out,
                           unsigned int nr)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int i;

    p2m_read_lock(p2m);

    for ( i = 0; i < nr; i++ )
    {
        lpae_t *entry = page_leaf(d, out[i].gfn);

        out[i].found = entry ? begin_restore(p2m, entry, &out[i].leaf)
                             : MC_FOUND_NOTHING;
    }

    p2m_read_unlock(p2m);
}

/*
 * Held for read, the p2m lock keeps away those who take entries away, or give
 * them: balloon-out, overwriting, nomination, commit, moving, and whoever
 * looks at the books as a whole.  Other readers leave an entry that is BUSY
 * alone.  So one that is ours when looked at is ours until the unlock.
 *
 * The order matters to those who do not take the lock: the frame has its
 * content (arch_mc_clean_in_done()), then its owner and its reference, and
 * only then can the CPU, or a walk in software, find it.
 */
void arch_mc_end_restore(struct domain *d, struct mc_out *out,
                         unsigned int nr, unsigned int cause)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int i, attached = 0;
    int rc;

    p2m_read_lock(p2m);
    rc = mc_attach_begin(d);

    for ( i = 0; i < nr; i++ )
    {
        struct mc_out *o = &out[i];
        lpae_t *entry, pte;

        if ( unlikely(o->found != MC_FOUND_LEAF) )
            continue;

        entry = page_leaf(d, o->gfn);
        pte = leaf_entry(&o->leaf);
        if ( unlikely(!entry || entry->bits != (pte.bits | PTE_BUSY)) )
        {
            o->rc = -EAGAIN;
            continue;
        }

        if ( likely(o->page) )
        {
            if ( likely(!rc) )
            {
                mc_attach(d, o->page);
                attached++;
                pte = ram_entry(d, o->page);
                smp_wmb(); /* Reference before descriptor. */
            }
            else
                o->rc = rc;
        }

        write_atomic(&entry->bits, pte.bits);
    }

    if ( likely(!rc) )
        mc_attach_end(d, attached);

    /* Invalid to valid needs no TLB flush, but the walker is to see it. */
    dsb(ishst);

    mc_restored(d, out, nr, cause);

    p2m_read_unlock(p2m);
}

bool arch_mc_move(struct domain *d, gfn_t gfn, uint64_t from, uint64_t to)
{
    struct mc_leaf leaf = { .kind = MC_KIND_OBJECT, .payload = from };
    lpae_t *entry;
    bool ok;

    ASSERT(p2m_is_write_locked(p2m_get_hostp2m(d)));

    entry = page_leaf(d, gfn);
    ok = entry && entry->bits == leaf_entry(&leaf).bits;
    if ( ok )
    {
        leaf.payload = to;
        write_atomic(&entry->bits, leaf_entry(&leaf).bits);
    }

    return ok;
}

/* The descriptor of a page in one of our states was overwritten or removed. */
void p2m_compress_put_entry(struct p2m_domain *p2m, lpae_t pte)
{
    struct domain *d = p2m->domain;
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    struct mc_leaf leaf;

    ASSERT(p2m_is_write_locked(p2m));

    /* The frame is the domain's still, as when a RAM entry is removed. */
    if ( pte.p2m.type == p2m_ram_compressing )
        return;

    entry_leaf(pte, &leaf);
    ASSERT(mc->kinds[leaf.kind]);
    mc->kinds[leaf.kind]--;
    mc->ballooned++;
    mc->dropped++;
    mc_owed_dropped(d);

    /* Who has pinned the object frees it. */
    if ( leaf.kind == MC_KIND_OBJECT && !(pte.bits & PTE_BUSY) &&
         !d->is_dying )
        mc_free_object(d, leaf.payload);
}

bool mem_compress_drop(struct domain *d, gfn_t gfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    lpae_t *entry;
    bool dropped = false;

    p2m_write_lock(p2m);

    entry = page_leaf(d, gfn);
    if ( entry )
    {
        dropped = entry->p2m.type == p2m_ram_compressed;
        if ( entry->p2m.type == p2m_ram_compressing )
            make_resident(p2m, entry, true);
    }

    /* p2m_compress_put_entry() does the rest. */
    if ( dropped )
        dropped = !p2m_set_entry(p2m, gfn, 1, INVALID_MFN, p2m_invalid,
                                 p2m_access_rwx);

    p2m_write_unlock(p2m);

    return dropped;
}

bool mem_compress_moved(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    p2m_type_t t;
    mfn_t now = p2m_lookup(d, gfn, &t);

    /* Nothing is removed from the p2m of a domain that is being torn down. */
    if ( d->is_dying )
        return false;

    return t == p2m_ram_compressed || !mfn_eq(now, mfn);
}

bool arch_mc_copy_resident(struct domain *d, gfn_t gfn, void *buf)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    struct page_info *page = NULL;
    p2m_type_t t;
    mfn_t mfn;
    void *va;

    p2m_read_lock(p2m);
    mfn = p2m_get_entry(p2m, gfn, &t, NULL, NULL, NULL);
    if ( (p2m_is_ram(t) || t == p2m_ram_compressing) && mfn_valid(mfn) )
    {
        page = mfn_to_page(mfn);
        if ( !get_page(page, d) )
            page = NULL;
    }
    p2m_read_unlock(p2m);

    if ( !page )
        return false;

    va = __map_domain_page(page);
    memcpy(buf, va, PAGE_SIZE);
    unmap_domain_page(va);
    put_page(page);

    return true;
}

static void clear_accessed(struct p2m_domain *p2m, lpae_t *entry, lpae_t pte,
                           bool cached)
{
    lpae_t old = pte;

    old.p2m.af = 0;
    /* Lost only to the CPU setting the flag, which is set already. */
    if ( pte.p2m.af && cmpxchg_entry(entry, pte, old) )
        p2m->need_flush |= cached;
}

/* Is a descriptor of RAM one that the CPU has used since it was last asked? */
static bool was_accessed(lpae_t pte, bool reachable)
{
    return reachable && lpae_is_valid(pte) && pte.p2m.af;
}

/*
 * @nr pages of a table from @gfn on.  @all: to be looked at, though they were
 * in use whenever that was done lately.
 */
static void sweep_pages(struct domain *d, struct mc_lap *lap, lpae_t *entry,
                        bool reachable, unsigned long gfn, unsigned int nr,
                        bool all)
{
    const struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int cold = 0, pages = 0;
    uint8_t *age;

    for ( ; nr && !mc_age_of(mc, _gfn(gfn)); nr--, gfn++ )
        entry++;
    if ( !nr )
        return;

    age = mc_age_of(mc, _gfn(gfn));
    nr = min_t(unsigned long, nr, mc->first_gfn + mc->nr_ages - gfn);

    for ( ; nr; nr--, entry++, age++ )
    {
        lpae_t pte = { .bits = read_atomic(&entry->bits) };
        uint8_t a = *age;

        if ( pte.p2m.type == p2m_ram_rw )
        {
            bool young = was_accessed(pte, reachable);
            unsigned int old;

            /* Accessed while it was reachable, it may have been written. */
            if ( !young && pte.p2m.af && mc_age_same(a) )
                a = mc_age_touch(a);
            if ( !young )
                a = mc_age_older(a);
            else if ( !all && mc_age_resting(a) )
                a = mc_age_rested(a);
            else
                a = mc_age_used(a, all);

            /* An excluded page keeps its flag: what for should it fault? */
            if ( pte.p2m.af && !mc_age_excluded(a) && !mc_age_resting(a) )
                clear_accessed(p2m, entry, pte, young);
            old = mc_age_to_take(a);
            lap->hist.n[old]++;
            cold += old >= MC_SPLIT_COLD_AGE;
        }
        else if ( p2m_is_compress(pte.p2m.type) )
        {
            a = mc_age_older(a);
            /* Compressed ones were cold enough for somebody. */
            cold += pte.p2m.type == p2m_ram_compressed ||
                    mc_age_get(a) >= MC_SPLIT_COLD_AGE;
        }
        else
            continue;

        *age = a;
        pages++;
    }

    lap->seen.pages += pages;
    lap->seen.cold += cold;
}

/*
 * A block, of which @pages gfns from @gfn on; @last: no more of it is to
 * follow.  Was it accessed?
 */
static bool sweep_block(struct domain *d, struct mc_lap *lap, lpae_t *entry,
                        bool reachable, unsigned long gfn,
                        unsigned long pages, bool last)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    lpae_t pte = { .bits = read_atomic(&entry->bits) };
    bool young = was_accessed(pte, reachable);
    unsigned long i;

    if ( pte.p2m.type != p2m_ram_rw )
        return false;

    if ( last )
        clear_accessed(p2m_get_hostp2m(d), entry, pte, young);

    for ( i = 0; i < pages; i++ )
    {
        uint8_t *age = mc_age_of(mc, _gfn(gfn + i));

        if ( !age )
            break;

        if ( !young )
            *age = mc_age_older(*age);
        else
            *age = mc_age_fresh(*age) ? mc_age_used(*age, true)
                                      : mc_age_touch(*age);
        lap->hist.n[mc_age_to_take(*age)]++;
    }

    return young;
}

bool arch_mc_sweep(struct domain *d, struct mc_lap *lap, unsigned int nr,
                   bool all)
{
    struct mc_p2m *mc = p2m_get_hostp2m(d)->compress;
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long end, *gfn = &lap->gfn;
    bool done;

    p2m_write_lock(p2m);

    end = gfn_x(p2m->max_mapped_gfn) + 1;
    if ( *gfn < gfn_x(p2m->lowest_mapped_gfn) )
        *gfn = gfn_x(p2m->lowest_mapped_gfn);

    while ( *gfn < end && nr )
    {
        unsigned int level;
        unsigned long next = (*gfn | ((1UL << XEN_PT_LEVEL_ORDER(2)) - 1)) + 1;
        unsigned long pages = next - *gfn;
        bool reachable;
        lpae_t *entry = p2m_map_leaf(p2m, _gfn(*gfn), &level, &reachable);

        if ( !entry )
        {
            /* No table: whatever it would have covered is skipped. */
            *gfn = next;
            nr -= min(nr, 16U);
            continue;
        }

        if ( level < 3 )
        {
            /*
             * Aged as a block, a piece of 2M at a time.  Idle, it is as good
             * as its pages: who takes one splits it.  In use, it says nothing
             * about them, and if that is likely to be worth knowing it is
             * split, to know from the next sweep on.
             */
            bool young;

            young = sweep_block(d, lap, entry, reachable, *gfn, pages,
                                !(next & ((1UL << XEN_PT_LEVEL_ORDER(level)) -
                                          1)));
            unmap_domain_page(entry);

            if ( young && mc->split_budget )
            {
                mc->split_budget--;
                split_block(d, _gfn(*gfn));
                /* As long as ageing all the pages of a table. */
                nr -= min(nr, 256U);
            }

            *gfn = next;
            nr -= min(nr, 64U);
            continue;
        }

        pages = min(min(pages, end - *gfn), (unsigned long)nr);
        sweep_pages(d, lap, entry, reachable, *gfn, pages, all);
        unmap_domain_page(entry);
        *gfn += pages;
        nr -= pages;
    }

    mc->flushes += p2m->need_flush;
    done = *gfn >= end;
    if ( done )
    {
        mc->ages_now = lap->hist;
        mc->split_budget = mc_split_blocks(&lap->seen);
        *lap = (struct mc_lap){};
        mc->sweeps++;
    }

    p2m_write_unlock(p2m);

    return done;
}

bool arch_mc_mark_young(struct domain *d, gfn_t gfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int level;
    lpae_t *entry, pte, young;
    bool found = false;

    p2m_read_lock(p2m);

    entry = page_leaf(d, gfn) ?: p2m_map_leaf(p2m, gfn, &level, NULL);
    while ( entry )
    {
        pte.bits = read_atomic(&entry->bits);
        young = pte;
        young.p2m.af = 1;

        found = pte.p2m.type != p2m_invalid && lpae_is_valid(pte);
        if ( !found || pte.p2m.af || cmpxchg_entry(entry, pte, young) )
            break;
    }
    if ( entry )
    {
        /* An entry without the flag is in no TLB: nothing to flush. */
        dsb(ishst);
        unmap_domain_page(entry);
    }

    p2m_read_unlock(p2m);

    return found;
}

uint8_t arch_mc_state(struct domain *d, gfn_t gfn, struct mc_leaf *leaf,
                      bool *busy)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    struct mc_leaf l;
    const uint8_t *age = mc_age_of(p2m->compress, gfn);
    unsigned int level, state = XEN_MEM_COMPRESS_G_none;
    lpae_t *entry;

    p2m_read_lock(p2m);

    leaf = leaf ?: &l;
    entry = p2m_map_leaf(p2m, gfn, &level, NULL);
    if ( entry )
    {
        lpae_t pte = { .bits = read_atomic(&entry->bits) };

        if ( pte.p2m.type == p2m_ram_rw )
            state = age && mc_age_excluded(*age)
                    ? XEN_MEM_COMPRESS_G_excluded
                    : XEN_MEM_COMPRESS_G_resident;
        else if ( level == 3 && pte.p2m.type == p2m_ram_compressing )
            state = XEN_MEM_COMPRESS_G_compressing;
        else if ( level == 3 && pte.p2m.type == p2m_ram_compressed )
        {
            entry_leaf(pte, leaf);
            if ( busy )
                *busy = pte.bits & PTE_BUSY;
            state = mc_kind_states[leaf->kind];
        }
        unmap_domain_page(entry);
    }

    p2m_read_unlock(p2m);

    return state | (age ? mc_age_get(*age) << 4 : 0);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
