"""The policy pack: rules that `pulumi preview` and `pulumi up` apply to every resource."""
