/* Chooses the dilations of four 3x3 layers that are to see 41x41 pixels, every one of them. */
#include <stdio.h>

#include <atrous/field.h>

enum { RANK = 2, LAYERS = 4 };

/* The field of four 3x3 layers with these dilations on both axes. */
static atrous_status look(const size_t dilation[LAYERS], atrous_field **field, atrous_error *error)
{
    atrous_field_layer layers[LAYERS];
    atrous_field_stack stack;

    for (size_t i = 0; i < LAYERS; ++i) {
        atrous_field_layer_init(&layers[i], sizeof layers[i]);
        for (int axis = 0; axis < RANK; ++axis) {
            layers[i].kernel[axis] = 3;
            layers[i].dilation[axis] = dilation[i];
        }
    }
    atrous_field_stack_init(&stack, RANK, sizeof stack);
    stack.layers = layers;
    stack.layer_count = LAYERS;
    return atrous_field_create(&stack, field, error);
}

int main(void)
{
    const size_t first_try[LAYERS] = {5, 5, 5, 5}; /* 1 + 4 * 2 * 5 = 41 */
    size_t better[LAYERS * RANK];
    atrous_remedy remedy = ATROUS_REMEDY_UNKNOWN;
    atrous_field *field = NULL;
    atrous_error error;

    if (look(first_try, &field, &error) != ATROUS_OK ||
        atrous_field_remedy(field, &remedy, better, LAYERS * RANK, &error) != ATROUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        atrous_field_destroy(field);
        return 1;
    }
    printf("dilations 5 5 5 5 see %s of %s pixels not at all\n",
           atrous_field_total_text(field, ATROUS_FIELD_HOLES),
           atrous_field_total_text(field, ATROUS_FIELD_POSITIONS));
    if (remedy == ATROUS_REMEDY_FOUND) {
        printf("dilations");
        for (size_t i = 0; i < LAYERS; ++i)
            printf(" %zu", better[i * RANK]);
        printf(" see them all, for %s multiply-adds; one dense kernel takes %s\n",
               atrous_field_total_text(field, ATROUS_FIELD_MACS),
               atrous_field_total_text(field, ATROUS_FIELD_DENSE_MACS));
    }
    atrous_field_destroy(field);
    return 0;
}
