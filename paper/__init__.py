"""The papers of DetectoRS and DSC as one page that is made from the code (`make paper`)."""
