#include <kr/mem.h>
#include <kr/report_run.h>
#include <kr/run_record.h>

int kr_json_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    KR_AUTO_FREE char *text = kr_run_to_text(r);
    (void)audit;
    if (!text)
        return -1;
    fprintf(out, "%s\n", text);
    return 0;
}
